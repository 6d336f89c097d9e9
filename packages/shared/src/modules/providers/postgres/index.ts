export { isKeptPassword, keptPassword, type PasswordForm, passwordForm } from './password.ts';
export {
  asWritten,
  clientExec,
  connection,
  type PostgresOptions,
  psqlCommand,
  readRows,
  requirePsql,
  selectRows,
} from './psql.ts';
