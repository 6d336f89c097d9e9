import { z } from 'zod';
import type { Host, HostReader } from '../../host/index.ts';
import type { Change } from '../contract/index.ts';
import { postgresArgs } from '../execution/postgres.ts';
import { clientExec, type PostgresOptions, psqlCommand, requirePsql, selectRows } from '../providers/postgres/index.ts';

const { user: _, ...rest } = postgresArgs;

/** How a server is reached, in the names of Salt's states. */
export const serverArgs = {
  db_user: postgresArgs.user,
  db_host: rest.host,
  db_port: rest.port,
  db_password: rest.password,
  maintenance_db: rest.maintenance_db,
  user: z.string().optional().describe('User of the host to run the client as.'),
};

/** What every state of PostgreSQL takes. */
export const namedArgs = { name: z.string().min(1).describe('Name.'), ...serverArgs };

/** A list of words, or a text with commas. */
export const wordsArg = z
  .union([z.string(), z.array(z.string())])
  .transform((given) =>
    (typeof given === 'string' ? given.split(',') : given).map((part) => part.trim()).filter(Boolean),
  );

/** How a server is reached, as the client takes it. */
export function serverOptions({
  db_user,
  db_host,
  db_port,
  db_password,
  maintenance_db,
  user,
}: z.output<z.ZodObject<typeof serverArgs>>): PostgresOptions {
  return { user: db_user, host: db_host, port: db_port, password: db_password, maintenance_db, runas: user };
}

/** SQL of ours with the values that psql quotes itself: `:"name"`, `:'name'`. */
export interface Statement {
  readonly sql: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A change that is made with SQL. */
export function sqlChange(
  change: Omit<Change, 'apply'>,
  options: PostgresOptions,
  statement: Statement | (() => Statement),
): Change {
  return {
    ...change,
    async apply({ host }) {
      await tell(host, typeof statement === 'function' ? statement() : statement, options);
      return undefined;
    },
  };
}

/** The change that removes something; `sql` names it `:"name"`. */
export function dropChange(kind: string, name: string, sql: string, options: PostgresOptions): Change {
  const change = { what: `${kind} ${name}: absent`, before: name, after: null, changes: { [name]: 'Absent' } };
  return sqlChange(change, options, { sql, variables: { name } });
}

/** Rows of a query; none where the database it is asked in is still to be made. */
export async function rowsIfThere(
  host: HostReader,
  sql: string,
  variables: Readonly<Record<string, string>>,
  options: PostgresOptions,
): Promise<readonly Record<string, string>[]> {
  try {
    return await selectRows(host, sql, variables, options);
  } catch (error) {
    const { maintenance_db: name, ...others } = options;
    if (name === undefined) throw error;
    const found = await selectRows(host, "SELECT 1 FROM pg_database WHERE datname = :'name'", { name }, others);
    if (found.length > 0) throw error;
    return [];
  }
}

async function tell(host: Host, { sql, variables }: Statement, options: PostgresOptions): Promise<void> {
  requirePsql(host, await host.exec(psqlCommand(options, variables), { ...clientExec(options), stdin: sql }));
}
