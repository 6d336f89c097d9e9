import type { HostReader } from '../../../host/index.ts';
import { ask, type MysqlServer } from './client.ts';
import { type Grant, type Level, parseGrant, parseRights, type Right } from './grant-text.ts';
import { type AccountName, quoteAccount, quoteName } from './quote.ts';

const ALL: Right = { name: 'ALL PRIVILEGES' };
const OPTION = 'GRANT OPTION';

/** What MySQL 8 lists where an account has all rights on everything: those that are not named after components. */
const ALL_OF_MYSQL_8 = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'RELOAD', 'SHUTDOWN', 'PROCESS', 'FILE', 'REFERENCES'],
  ...['INDEX', 'ALTER', 'SHOW DATABASES', 'SUPER', 'CREATE TEMPORARY TABLES', 'LOCK TABLES', 'EXECUTE'],
  ...['REPLICATION SLAVE', 'REPLICATION CLIENT', 'CREATE VIEW', 'SHOW VIEW', 'CREATE ROUTINE', 'ALTER ROUTINE'],
  ...['CREATE USER', 'EVENT', 'TRIGGER', 'CREATE TABLESPACE', 'CREATE ROLE', 'DROP ROLE'],
];

/** Names that mean another right, as Salt 3006 knows them (modules/mysql.py, _resolve_grant_aliases). */
const ALIASES: Readonly<Record<string, string>> = {
  ALL: 'ALL PRIVILEGES',
  'REPLICATION REPLICA': 'REPLICATION SLAVE',
  'BINLOG MONITOR': 'REPLICATION CLIENT',
  'REPLICA MONITOR': 'SLAVE MONITOR',
};

/** Rights that an account should have, or should not. */
export interface WantedGrant {
  readonly level: Level;
  readonly rights: readonly Right[];
  readonly isGrantable: boolean;
}

/** What an account has on a level. */
export interface HeldGrant {
  /** The level as the server spells it. */
  readonly level: Level;
  readonly rights: readonly Right[];
  readonly isGrantable: boolean;
}

/** Reads the rights of a state: those of `grant`, and whether they may be passed on; undefined for what are none. */
export function wantedRights(grant: string, isGrantable: boolean): Omit<WantedGrant, 'level'> | undefined {
  const rights = parseRights(grant);
  if (rights === undefined) return undefined;
  const others = rights.filter(({ name }) => name !== OPTION);
  return {
    rights: others.some(isAll) ? [ALL] : others,
    isGrantable: isGrantable || others.length < rights.length,
  };
}

/**
 * Reads what rights are on: `app.*`, `app.users`, `*.*`; undefined without a dot. In the name of a database of which all
 * is meant `_` would stand for any letter: it is escaped, where `isEscaped` says so.
 */
export function levelOf(text: string, isEscaped: boolean): Level | undefined {
  const dot = text.lastIndexOf('.');
  if (dot <= 0 || dot === text.length - 1) return undefined;
  const [database, table] = [text.slice(0, dot), text.slice(dot + 1)].map(bare) as [string, string];
  const isPattern = table === '*' && database !== '*';
  return { database: isEscaped && isPattern ? database.replaceAll(/\\?_/g, '\\_') : database, table };
}

/** A name without the backticks people write around it. */
function bare(name: string): string {
  return /^`(?:[^`]|``)*`$/.test(name) ? name.slice(1, -1).replaceAll('``', '`') : name;
}

/** What `SHOW GRANTS` says of an account that is there. */
export async function readGrants(host: HostReader, name: AccountName, server: MysqlServer): Promise<readonly string[]> {
  const [shown] = await ask(host, `SHOW GRANTS FOR ${quoteAccount(name)};`, server);
  // Servers of old show the hash of the password too.
  return (shown?.rows ?? []).map((row) =>
    Object.values(row)
      .join('')
      .replace(/ IDENTIFIED (?:BY PASSWORD|VIA|WITH) .*?(?= REQUIRE | WITH |$)/, ''),
  );
}

/** What an account has on a level. A level that differs in backslashes is the same, as in Salt: a server reads only one. */
export function heldAt(lines: readonly string[], level: Level): HeldGrant {
  const plain = ({ database, table }: Level): string => `${database.replaceAll('\\', '')}\n${table}`;
  const grants = lines.flatMap((line): Grant[] => {
    const grant = parseGrant(line);
    return grant !== undefined && plain(grant.level) === plain(level) ? [grant] : [];
  });
  const rights = grants.flatMap((grant) => grant.rights).filter(({ name }) => name !== 'USAGE');
  const keys = new Set(rights.map(keyOf));
  const isEverything = level.database === '*' && ALL_OF_MYSQL_8.every((name) => keys.has(name));
  return {
    level: grants[0]?.level ?? level,
    rights: isEverything ? [ALL] : rights,
    isGrantable: grants.some((grant) => grant.isGrantable),
  };
}

function lackingRights(wanted: WantedGrant, held: HeldGrant): readonly Right[] {
  const keys = new Set(held.rights.map(keyOf));
  return wanted.rights.filter(
    (right) =>
      right.name !== 'USAGE' &&
      !keys.has(keyOf(ALL)) &&
      !keys.has(keyOf({ name: right.name })) &&
      !keys.has(keyOf(right)),
  );
}

/** Whether an account has all that is wanted. */
export function isHeld(wanted: WantedGrant, held: HeldGrant): boolean {
  return lackingRights(wanted, held).length === 0 && (held.isGrantable || !wanted.isGrantable);
}

/** The rights to take from an account that should not have some; those on columns go with those on the table. */
export function unwantedRights(wanted: WantedGrant, held: HeldGrant): readonly Right[] {
  if (wanted.rights.some(isAll)) return held.rights;
  if (held.rights.some(isAll))
    return wanted.rights.filter(({ column, name }) => column === undefined && name !== 'USAGE');
  const keys = new Set(wanted.rights.map(keyOf));
  return held.rights.filter((right) => keys.has(keyOf(right)) || keys.has(keyOf({ name: right.name })));
}

/** Rights on columns that an account should not have, and has because it has them on the whole table. */
export function rightsOnAllColumns({ rights }: WantedGrant, held: HeldGrant): readonly Right[] {
  const keys = new Set(held.rights.map(keyOf));
  return rights.filter(
    ({ name, column }) => column !== undefined && (keys.has(keyOf(ALL)) || keys.has(keyOf({ name }))),
  );
}

/** Whether two grants give the same rights. */
export function isSameGrant(wanted: WantedGrant, held: HeldGrant): boolean {
  const keys = (rights: readonly Right[]): string => [...new Set(rights.map(keyOf))].sort().join(',');
  return (
    keys(wanted.rights.filter(({ name }) => name !== 'USAGE')) === keys(held.rights) &&
    wanted.isGrantable === held.isGrantable
  );
}

/** SQL that gives rights. */
export function grantStatement(name: AccountName, { level, rights, isGrantable }: WantedGrant): string {
  const given = rights.length === 0 ? [{ name: 'USAGE' }] : rights;
  const passing = isGrantable ? ' WITH GRANT OPTION' : '';
  return `GRANT ${sqlOf(given)} ON ${sqlOfLevel(level)} TO ${quoteAccount(name)}${passing};`;
}

/** SQL that takes rights, and with `isGrantable` the right to pass them on. */
export function revokeStatement(name: AccountName, { level, rights, isGrantable }: WantedGrant): string {
  const from = `ON ${sqlOfLevel(level)} FROM ${quoteAccount(name)};`;
  // In one statement `ALL PRIVILEGES, GRANT OPTION` would mean those on everything.
  return [...(isGrantable ? [OPTION] : []), ...(rights.length === 0 ? [] : [sqlOf(rights)])]
    .map((taken) => `REVOKE ${taken} ${from}`)
    .join('\n');
}

/** Rights in words: `SELECT (a, b), INSERT`. */
export function rightsText(rights: readonly Right[]): string {
  return textOf(rights, (column) => column);
}

function sqlOf(rights: readonly Right[]): string {
  return textOf(rights, quoteName);
}

function textOf(rights: readonly Right[], column: (name: string) => string): string {
  const whole = rights.flatMap((right) => (right.column === undefined ? [right.name] : []));
  const partial = new Set(rights.flatMap((right) => (right.column === undefined ? [] : [right.name])));
  const parts = [...partial].map((name) => {
    const columns = rights.flatMap((right) => (right.name === name ? (right.column ?? []) : []));
    return `${name} (${columns.map(column).join(', ')})`;
  });
  return [...new Set(whole), ...parts].join(', ');
}

function sqlOfLevel({ database, table }: Level): string {
  const name = (text: string): string => (text === '*' ? '*' : quoteName(text));
  return `${name(database)}.${name(table)}`;
}

function isAll({ name }: Right): boolean {
  return ALIASES[name] === ALL.name || name === ALL.name;
}

function keyOf({ name, column }: Right): string {
  const known = ALIASES[name] ?? name;
  return column === undefined ? known : `${known}(${column.toLowerCase()})`;
}
