import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import {
  asWritten,
  clientExec,
  connection,
  type PostgresOptions,
  psqlCommand,
  readRows,
  requirePsql,
  selectRows,
} from '../providers/postgres/index.ts';

/** How a server is reached, in Salt's names. */
export const postgresArgs = {
  user: z.string().optional().describe('Role to log in as.'),
  host: z.string().optional().describe('Host, or directory of its socket.'),
  port: z.union([z.number(), z.string()]).optional().describe('Port.'),
  maintenance_db: z.string().optional().describe('Database to log in to; postgres where absent.'),
  password: z.string().optional().describe('Password of the role.'),
  runas: z.string().optional().describe('User of the host to run the client as.'),
};
const nameArg = z.string().min(1).describe('Name.');

/** PostgreSQL through its own clients. */
export const postgresFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'postgres.psql_query',
    summary: 'Run SQL and answer its rows.',
    args: z.object({
      query: z
        .string()
        .describe(
          'SQL, as the server takes it; commands of psql itself are errors. Several statements are one transaction.',
        ),
      ...postgresArgs,
    }),
    returns: 'A list of mappings of column names to text.',
    examples: [{ title: 'the version', args: { query: 'SELECT version()' } }],
    run: async ({ query, ...options }, { host }) => readRows(await tell(host, asWritten(query), {}, options)),
  }),
  exists('postgres.db_exists', 'Tell whether a database exists.', "SELECT 1 FROM pg_database WHERE datname = :'name'"),
  exists('postgres.user_exists', 'Tell whether a role exists.', "SELECT 1 FROM pg_roles WHERE rolname = :'name'"),
  defineRead({
    name: 'postgres.db_list',
    summary: 'Answer the databases.',
    args: z.object(postgresArgs),
    returns: 'A mapping of names to {Owner, Encoding, Size}.',
    examples: [],
    async run(options, { host }) {
      const sql =
        'SELECT datname, pg_get_userbyid(datdba) AS "Owner", pg_encoding_to_char(encoding) AS "Encoding", pg_database_size(datname) AS "Size" FROM pg_database ORDER BY datname';
      const rows = await selectRows(host, sql, {}, options);
      return Object.fromEntries(rows.map(({ datname, ...rest }) => [datname, rest]));
    },
  }),
  defineWrite({
    name: 'postgres.db_create',
    summary: 'Make a database.',
    args: z.object({ name: nameArg, ...postgresArgs, owner: z.string().optional().describe('Role it belongs to.') }),
    returns: 'True.',
    examples: [],
    async run({ name, owner, ...options }, { host }) {
      const sql = owner === undefined ? 'CREATE DATABASE :"name"' : 'CREATE DATABASE :"name" OWNER :"owner"';
      await tell(host, sql, { name, ...(owner === undefined ? {} : { owner }) }, options);
      return true;
    },
  }),
  defineWrite({
    name: 'postgres.db_remove',
    summary: 'Remove a database with everything in it.',
    args: z.object({ name: nameArg, ...postgresArgs }),
    returns: 'True.',
    examples: [],
    async run({ name, ...options }, { host }) {
      await tell(host, 'DROP DATABASE :"name"', { name }, options);
      return true;
    },
  }),
  defineWrite({
    name: 'postgres.dump',
    summary: 'Dump a database into a file on the host.',
    args: z.object({ name: nameArg, path: z.string().startsWith('/').describe('File of the dump.'), ...postgresArgs }),
    returns: 'True.',
    examples: [
      { title: 'before a migration', args: { name: 'app', path: '/var/backups/app.dump', runas: 'postgres' } },
    ],
    async run({ name, path, ...options }, { host }) {
      requirePsql(
        host,
        await host.exec(
          ['pg_dump', '--format=custom', `--file=${path}`, ...connection(options), `--dbname=${name}`],
          clientExec(options),
        ),
      );
      return true;
    },
  }),
  defineWrite({
    name: 'postgres.restore',
    summary: 'Restore a database from a dump; in one transaction.',
    args: z.object({
      name: nameArg,
      path: z.string().startsWith('/').describe('File of the dump.'),
      ...postgresArgs,
      clean: z.boolean().default(false).describe('Remove what the dump holds from the database first.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ name, path, clean, ...options }, { host }) {
      const switches = clean ? ['--clean', '--if-exists'] : [];
      requirePsql(
        host,
        await host.exec(
          [
            'pg_restore',
            '--single-transaction',
            '--exit-on-error',
            ...switches,
            ...connection(options),
            `--dbname=${name}`,
            path,
          ],
          clientExec(options),
        ),
      );
      return true;
    },
  }),
];

function exists(name: `${string}.${string}`, summary: string, sql: string): ExecutionModule {
  return defineRead({
    name,
    summary,
    args: z.object({ name: nameArg, ...postgresArgs }),
    returns: 'True or false.',
    examples: [],
    run: async ({ name: wanted, ...options }, { host }) =>
      (await selectRows(host, sql, { name: wanted }, options)).length > 0,
  });
}

async function tell(host: Host, sql: string, variables: Readonly<Record<string, string>>, options: PostgresOptions) {
  return requirePsql(host, await host.exec(psqlCommand(options, variables), { ...clientExec(options), stdin: sql }));
}
