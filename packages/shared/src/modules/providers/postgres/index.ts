export { isKeptPassword, keptPassword, type PasswordForm, passwordForm } from './password.ts';
export {
  clientExec,
  connection,
  type PostgresOptions,
  psqlCommand,
  readRows,
  requirePsql,
  selectRows,
} from './psql.ts';
