import { z } from 'zod';
import type { Change } from '../contract/index.ts';
import { connectionArgs } from '../execution/mysql-arguments.ts';
import { CLIENT_PROGRAMS, type MysqlServer, tell } from '../providers/mysql/index.ts';

/** The programs that states of MySQL and MariaDB work through. */
export const mysqlNeeds: readonly string[] = [CLIENT_PROGRAMS];

/** What every state of MySQL takes. */
export const namedArgs = { name: z.string().min(1).describe('Name.'), ...connectionArgs };

/** A change that is made with SQL. */
export function sqlChange(change: Omit<Change, 'apply'>, server: MysqlServer, sql: string): Change {
  return {
    ...change,
    async apply({ host }) {
      await tell(host, sql, server);
      return undefined;
    },
  };
}
