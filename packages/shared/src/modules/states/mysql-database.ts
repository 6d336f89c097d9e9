import { z } from 'zod';
import { changesOf, defineState, inSync, type StateModule } from '../contract/index.ts';
import { charsetArgs, serverOf } from '../execution/mysql-arguments.ts';
import { databaseStatement, findDatabase, isSameCharset, quoteName } from '../providers/mysql/index.ts';
import { mysqlNeeds, namedArgs, sqlChange } from './mysql-acting.ts';

/** Databases of MySQL and MariaDB as they should be. */
export const mysqlDatabaseStates: readonly StateModule[] = [
  defineState({
    name: 'mysql_database.present',
    summary: 'Ensure a database exists.',
    effect: 'repair',
    needs: mysqlNeeds,
    args: z.object({ ...namedArgs, ...charsetArgs }),
    examples: [
      { title: 'of an application', args: { name: 'app', character_set: 'utf8mb4', collate: 'utf8mb4_unicode_ci' } },
    ],
    async check({ name, character_set, collate, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const now = await findDatabase(ctx.host, name, server);
      if (now === undefined) {
        const change = { what: `database ${name}: exists`, before: null, after: name, changes: { [name]: 'Present' } };
        return changesOf(sqlChange(change, server, databaseStatement('CREATE', name, { character_set, collate })));
      }
      const others = (['character_set', 'collate'] as const).flatMap((key) => {
        const value = { character_set, collate }[key];
        return value === undefined || isSameCharset(value, now[key]) ? [] : [{ key, before: now[key], now: value }];
      });
      if (others.length === 0) return inSync(`Database ${name} is already present`);
      const shown = (when: 'before' | 'now'): object =>
        Object.fromEntries(others.map((other) => [other.key, other[when]]));
      const change = {
        what: `database ${name}: ${others.map(({ key }) => key).join(', ')}`,
        before: shown('before'),
        after: shown('now'),
        changes: Object.fromEntries(others.map(({ key, ...values }) => [key, values])),
      };
      return changesOf(sqlChange(change, server, databaseStatement('ALTER', name, { character_set, collate })));
    },
  }),
  defineState({
    name: 'mysql_database.absent',
    summary: 'Ensure a database does not exist.',
    effect: 'repair',
    needs: mysqlNeeds,
    args: z.object(namedArgs),
    examples: [{ title: 'the one for tests', args: { name: 'test' } }],
    async check({ name, ...args }, ctx) {
      const server = serverOf(args, ctx);
      if ((await findDatabase(ctx.host, name, server)) === undefined)
        return inSync(`Database ${name} is not present, so it cannot be removed`);
      const change = { what: `database ${name}: absent`, before: name, after: null, changes: { [name]: 'Absent' } };
      return changesOf(sqlChange(change, server, `DROP DATABASE ${quoteName(name)};`));
    },
  }),
];
