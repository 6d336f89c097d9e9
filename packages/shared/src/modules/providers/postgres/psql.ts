import type { Command, ExecOptions, ExecResult, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { parseCsv } from '../../text/index.ts';

/** How a server is reached; what is absent psql decides. */
export interface PostgresOptions {
  readonly user?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly maintenance_db?: string | undefined;
  readonly password?: string | undefined;
  readonly runas?: string | undefined;
}

/** The argv of psql for SQL on standard input; `variables` are quoted by psql itself (`:'name'`, `:"name"`). */
export function psqlCommand(options: PostgresOptions, variables: Readonly<Record<string, string>> = {}): Command {
  const assignments = Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`]);
  return [
    'psql',
    '--no-psqlrc',
    '--quiet',
    '--csv',
    '-v',
    'ON_ERROR_STOP=1',
    ...assignments,
    ...connection(options),
    '--dbname',
    options.maintenance_db ?? 'postgres',
    '--file',
    '-',
  ];
}

/**
 * SQL that people wrote, for psql: sent to the server as it is. In a script of psql's a line such as `\! command` would
 * run a program on the host, past every rule about commands; between dollar quotes psql reads nothing.
 */
export function asWritten(query: string): string {
  let tag = '$edge$';
  while (query.includes(tag)) tag = `$${tag.slice(1, -1)}_$`;
  // The line break keeps what the query may end with from becoming part of the tag.
  return `SELECT ${tag}${query}\n${tag}\n\\gexec\n`;
}

/** Connection options psql, pg_dump and pg_restore share. */
export function connection({ user, host, port }: PostgresOptions): string[] {
  const given = { '--username': user, '--host': host, '--port': port };
  const options = Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
  return [...options, '--no-password'];
}

/** Who runs the client; the password goes through the environment, never a command line. */
export function clientExec({ runas, password }: PostgresOptions): ExecOptions {
  return {
    env: password === undefined ? {} : { PGPASSWORD: password },
    ...(runas === undefined ? {} : { runAs: runas }),
    timeoutMs: 3_600_000,
  };
}

/** Rows of a query: header name → text. Only looks: the SQL has to be a SELECT of ours. */
export async function selectRows(
  host: HostReader,
  sql: string,
  variables: Readonly<Record<string, string>>,
  options: PostgresOptions,
): Promise<Record<string, string>[]> {
  const result = await host.probe(psqlCommand(options, variables), { ...clientExec(options), stdin: sql });
  return readRows(requirePsql(host, result));
}

/** Reads the CSV psql prints. */
export function readRows(result: ExecResult): Record<string, string>[] {
  const [names = [], ...rows] = parseCsv(result.stdout);
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? ''])));
}

/** @throws EdgeError `EDGE_COMMAND_FAILED` with what the server said. */
export function requirePsql(host: HostReader, result: ExecResult): ExecResult {
  if (result.exitCode === 0) return result;
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `PostgreSQL on ${host.id}: ${result.stderr.trim().slice(-1000)}`,
    { exitCode: result.exitCode },
    {
      hint: 'Check host, port, user and runas (often runas: postgres).',
    },
  );
}
