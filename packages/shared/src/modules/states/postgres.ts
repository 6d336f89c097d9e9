import type { StateModule } from '../contract/index.ts';
import { postgresDatabaseStates } from './postgres-database.ts';
import { postgresExtensionStates } from './postgres-extension.ts';
import { postgresPrivilegesStates } from './postgres-privileges.ts';
import { postgresRoleStates } from './postgres-role.ts';

/** What is on servers of PostgreSQL, as it should be. */
export const postgresStates: readonly StateModule[] = [
  ...postgresRoleStates,
  ...postgresDatabaseStates,
  ...postgresExtensionStates,
  ...postgresPrivilegesStates,
];
