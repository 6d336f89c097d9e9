import type { Command, ExecOptions, ExecResult, Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { parseResults, type ResultSet } from './results.ts';

/** How a server is reached; what is absent the client decides. */
export interface MysqlServer {
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly unixSocket?: string | undefined;
  /** Option file with all of this; no other is read. */
  readonly defaultFile?: string | undefined;
  readonly database?: string | undefined;
}

/** The client: MariaDB's has its own name, and `mysql` as another that it warns about. */
const CLIENT = 'p=mysql; command -v mariadb >/dev/null 2>&1 && p=mariadb; exec "$p" "$@"';

/** The programs of which one has to be on the host. */
export const CLIENT_PROGRAMS = 'mariadb|mysql';

/** Makes backslashes letters, so that texts are quoted in one way whatever the server is set to. */
const LOOKING = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';\n";
/** What else is set stays: without `NO_AUTO_CREATE_USER` a grant would make accounts that need no password. */
const TELLING = "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',NO_BACKSLASH_ESCAPES');\n";

/**
 * The argv of the client for SQL on standard input. Lines such as `\! command` are no commands to it (`--binary-mode`),
 * and option files are read only where one is named, as in Salt.
 */
export function clientCommand({ host, port, user, unixSocket, defaultFile, database }: MysqlServer): Command {
  const given = { host, port, user, socket: unixSocket, database };
  return [
    'sh',
    '-c',
    CLIENT,
    'sh',
    defaultFile === undefined ? '--no-defaults' : `--defaults-file=${defaultFile}`,
    '--batch',
    '--xml',
    '--binary-mode',
    '--skip-force',
    '--default-character-set=utf8mb4',
    ...Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
  ];
}

/** Results of SQL that only looks, one for each statement that has rows or could have. */
export async function ask(host: HostReader, sql: string, server: MysqlServer): Promise<readonly ResultSet[]> {
  const result = await host.probe(clientCommand(server), { ...clientExec(server), stdin: `${LOOKING}${sql}` });
  return parseResults(required(host, result).stdout);
}

/** Runs SQL of ours. */
export async function tell(host: Host, sql: string, server: MysqlServer): Promise<void> {
  required(host, await host.exec(clientCommand(server), { ...clientExec(server), stdin: `${TELLING}${sql}` }));
}

/** What SQL of somebody came to. */
export interface QueryEnd {
  /** Of the last statement that has rows; undefined: none has. */
  readonly result: ResultSet | undefined;
  /** Rows the last statement changed; -1 where it asked. */
  readonly affected: number;
  readonly microseconds: number;
}

/** Runs SQL that people wrote, as it is. @throws EdgeError `EDGE_COMMAND_FAILED`, also for SQL that does not end */
export async function runQuery(host: Host, query: string, server: MysqlServer): Promise<QueryEnd> {
  const stdin = [
    'SET @edge_began = SYSDATE(6);',
    `DELIMITER ${delimiterFor(query)}`,
    query,
    delimiterFor(query),
    'DELIMITER ;',
    'SELECT ROW_COUNT() AS edge_affected, TIMESTAMPDIFF(MICROSECOND, @edge_began, SYSDATE(6)) AS edge_microseconds;',
  ].join('\n');
  const { stdout } = required(host, await host.exec(clientCommand(server), { ...clientExec(server), stdin }));
  const results = parseResults(stdout);
  const end = results.at(-1)?.rows[0];
  if (end?.edge_affected == null)
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `MySQL on ${host.id}: the SQL has no end`,
      {},
      { hint: 'Look for a quote or comment that is opened and not closed, and leave DELIMITER out.' },
    );
  return {
    result: results.at(-2),
    affected: Number(end.edge_affected),
    microseconds: Number(end.edge_microseconds),
  };
}

/** A word that ends statements and is not in the SQL: what is between is sent to the server as one. */
function delimiterFor(query: string): string {
  let word = '//edge//';
  while (query.includes(word)) word += '/';
  return word;
}

/** The password goes through the environment, never a command line. */
function clientExec({ password }: MysqlServer): ExecOptions {
  return { env: { MYSQL_PWD: password ?? null }, timeoutMs: 3_600_000 };
}

function required(host: HostReader, { exitCode, stderr, ...result }: ExecResult): Pick<ExecResult, 'stdout'> {
  if (exitCode === 0) return result;
  if (exitCode === 127)
    throw new EdgeError(
      'EDGE_COMMAND_NOT_FOUND',
      `neither mariadb nor mysql is on ${host.id}`,
      { command: 'mariadb' },
      { hint: 'Install the client: mariadb-client-core, or mysql-client-core.' },
    );
  // The client repeats a statement that failed, and there may be a password in it.
  const said = stderr.split('\n').filter((line) => line.startsWith('ERROR'));
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `MySQL on ${host.id}: ${(said.length > 0 ? said.join('\n') : stderr.trim()).slice(-1000)}`,
    { exitCode },
    {
      hint: 'Check connection_host, connection_unix_socket, connection_user, connection_pass, connection_default_file.',
    },
  );
}
