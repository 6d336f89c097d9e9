import type { StateModule } from '../contract/index.ts';
import { mysqlDatabaseStates } from './mysql-database.ts';
import { mysqlGrantsStates } from './mysql-grants.ts';
import { mysqlQueryStates } from './mysql-query.ts';
import { mysqlUserStates } from './mysql-user.ts';

/** What is on servers of MySQL and MariaDB, as it should be. */
export const mysqlStates: readonly StateModule[] = [
  ...mysqlUserStates,
  ...mysqlDatabaseStates,
  ...mysqlGrantsStates,
  ...mysqlQueryStates,
];
