import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { fromPlain, type PyMap } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import {
  ask,
  databaseStatement,
  findDatabase,
  type MysqlServer,
  type QueryEnd,
  quoteName,
  type Row,
  runQuery,
  tell,
} from '../providers/mysql/index.ts';
import { charsetArgs, connectionArgs, serverOf } from './mysql-arguments.ts';

const nameArg = z.string().min(1).describe('Name of the database.');
const tableArg = z.string().min(1).nullish().describe('Table; all of the database where absent.');

/** MySQL and MariaDB through their own client: servers, databases and tables. */
export const mysqlFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'mysql.query',
    summary: 'Run SQL and answer its rows, or how many it changed.',
    args: z.object({
      database: z.string().describe('Database to run it on.'),
      query: z.string().min(1).describe('The SQL.'),
      ...connectionArgs,
    }),
    returns:
      'A mapping: `query time`, and `columns`, `results` and `rows returned`, or `rows affected`. Values are text.',
    examples: [{ title: 'the version', args: { database: 'mysql', query: 'SELECT VERSION()' } }],
    run: async ({ database, query, ...args }, ctx) =>
      queryAnswer(await runQuery(ctx.host, query, { ...serverOf(args, ctx), database: database || undefined })),
  }),
  defineRead({
    name: 'mysql.version',
    summary: 'Answer the version of the server.',
    args: z.object(connectionArgs),
    returns: 'A text: 10.11.6-MariaDB.',
    examples: [],
    run: async (args, ctx) => firstTexts(await rows(ctx.host, 'SELECT VERSION();', serverOf(args, ctx)))[0] ?? '',
  }),
  pairs('mysql.status', 'Answer what the server counts.', 'SHOW STATUS;'),
  pairs('mysql.showglobal', 'Answer the global settings of the server.', 'SHOW GLOBAL VARIABLES;'),
  pairs('mysql.showvariables', 'Answer the settings of the server.', 'SHOW VARIABLES;'),
  defineRead({
    name: 'mysql.processlist',
    summary: 'Answer what the server is doing.',
    args: z.object(connectionArgs),
    returns: 'A list of mappings.',
    examples: [],
    run: async (args, ctx) => rows(ctx.host, 'SHOW FULL PROCESSLIST;', serverOf(args, ctx)),
  }),
  defineRead({
    name: 'mysql.db_list',
    summary: 'Answer the databases.',
    args: z.object(connectionArgs),
    returns: 'A list of names.',
    examples: [],
    run: async (args, ctx) => firstTexts(await rows(ctx.host, 'SHOW DATABASES;', serverOf(args, ctx))),
  }),
  defineRead({
    name: 'mysql.db_exists',
    summary: 'Tell whether a database exists.',
    args: z.object({ name: nameArg, ...connectionArgs }),
    returns: 'True or false.',
    examples: [{ title: 'is it there?', args: { name: 'app' } }],
    run: async ({ name, ...args }, ctx) => (await findDatabase(ctx.host, name, serverOf(args, ctx))) !== undefined,
  }),
  defineRead({
    name: 'mysql.db_get',
    summary: 'Answer how a database keeps texts.',
    args: z.object({ name: nameArg, ...connectionArgs }),
    returns: 'A mapping {character_set, collate}; empty where there is no such database.',
    examples: [],
    run: async ({ name, ...args }, ctx) => (await findDatabase(ctx.host, name, serverOf(args, ctx))) ?? {},
  }),
  defineRead({
    name: 'mysql.db_tables',
    summary: 'Answer the tables of a database.',
    args: z.object({ name: nameArg, ...connectionArgs }),
    returns: 'A list of names; false where there is no such database.',
    examples: [],
    async run({ name, ...args }, ctx) {
      const server = serverOf(args, ctx);
      return (await findDatabase(ctx.host, name, server)) !== undefined && (await tablesOf(ctx.host, name, server));
    },
  }),
  defineWrite({
    name: 'mysql.db_create',
    summary: 'Make a database.',
    args: z.object({ name: nameArg, ...charsetArgs, ...connectionArgs }),
    returns: 'True; false where it is there.',
    examples: [{ title: 'of an application', args: { name: 'app', character_set: 'utf8mb4' } }],
    async run({ name, character_set, collate, ...args }, ctx) {
      const server = serverOf(args, ctx);
      if ((await findDatabase(ctx.host, name, server)) !== undefined) return false;
      await tell(ctx.host, databaseStatement('CREATE', name, { character_set, collate }), server);
      return true;
    },
  }),
  defineWrite({
    name: 'mysql.alter_db',
    summary: 'Change how new tables of a database keep texts.',
    args: z
      .object({ name: nameArg, ...charsetArgs, ...connectionArgs })
      .refine(({ character_set, collate }) => character_set !== undefined || collate !== undefined, {
        error: 'say character_set or collate',
        path: ['character_set'],
      }),
    returns: 'True.',
    examples: [],
    async run({ name, character_set, collate, ...args }, ctx) {
      await tell(ctx.host, databaseStatement('ALTER', name, { character_set, collate }), serverOf(args, ctx));
      return true;
    },
  }),
  defineWrite({
    name: 'mysql.db_remove',
    summary: 'Remove a database with everything in it.',
    args: z.object({ name: nameArg, ...connectionArgs }),
    returns: 'True; false where it is not there.',
    examples: [],
    async run({ name, ...args }, ctx) {
      const server = serverOf(args, ctx);
      if ((await findDatabase(ctx.host, name, server)) === undefined) return false;
      await tell(ctx.host, `DROP DATABASE ${quoteName(name)};`, server);
      return true;
    },
  }),
  care('mysql.db_check', 'Check the tables of a database.', 'CHECK'),
  care('mysql.db_repair', 'Repair the tables of a database.', 'REPAIR'),
  care('mysql.db_optimize', 'Optimize the tables of a database.', 'OPTIMIZE'),
];

/** What SQL came to, in Salt's words (Salt 3006 modules/mysql.py, query). */
export function queryAnswer({ result, affected, microseconds }: QueryEnd): PyMap {
  const human =
    microseconds < 200_000 ? `${(microseconds / 1000).toFixed(1)}ms` : `${(microseconds / 1e6).toFixed(2)}s`;
  const time = { 'query time': { human, raw: String(microseconds / 1e6) } };
  if (result === undefined) return fromPlain({ ...time, 'rows affected': affected }) as PyMap;
  return fromPlain({
    ...time,
    'rows returned': result.rows.length,
    columns: [...result.columns],
    results: result.rows.map((row) => result.columns.map((column) => row[column] ?? null)),
  }) as PyMap;
}

function pairs(name: `${string}.${string}`, summary: string, sql: string): ExecutionModule {
  return defineRead({
    name,
    summary,
    args: z.object(connectionArgs),
    returns: 'A mapping of names to text.',
    examples: [],
    run: async (args, ctx) =>
      Object.fromEntries((await rows(ctx.host, sql, serverOf(args, ctx))).map((row) => Object.values(row))),
  });
}

function care(name: `${string}.${string}`, summary: string, verb: 'CHECK' | 'REPAIR' | 'OPTIMIZE'): ExecutionModule {
  return defineWrite({
    name,
    summary,
    args: z.object({ name: nameArg, table: tableArg, ...connectionArgs }),
    returns: 'A list of mappings {Table, Op, Msg_type, Msg_text}.',
    examples: [],
    async run({ name: database, table, ...args }, ctx) {
      const server = { ...serverOf(args, ctx), database: undefined };
      const tables = table == null ? await tablesOf(ctx.host, database, server) : [table];
      const found: Row[] = [];
      for (const one of tables) {
        const end = await runQuery(ctx.host, `${verb} TABLE ${quoteName(database)}.${quoteName(one)}`, server);
        found.push(...(end.result?.rows ?? []));
      }
      return found;
    },
  });
}

async function tablesOf(host: HostReader, database: string, server: MysqlServer): Promise<string[]> {
  return firstTexts(await rows(host, `SHOW TABLES IN ${quoteName(database)};`, server));
}

async function rows(host: HostReader, sql: string, server: MysqlServer): Promise<readonly Row[]> {
  return (await ask(host, sql, server))[0]?.rows ?? [];
}

function firstTexts(found: readonly Row[]): string[] {
  return found.map((row) => Object.values(row)[0] ?? '');
}
