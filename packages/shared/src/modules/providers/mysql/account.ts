import { createHash } from 'node:crypto';
import type { HostReader } from '../../../host/index.ts';
import { ask, type MysqlServer } from './client.ts';
import { type AccountName, quoteAccount, quoteText } from './quote.ts';
import type { Row } from './results.ts';

const NATIVE = 'mysql_native_password';
const SOCKETS: readonly string[] = ['unix_socket', 'auth_socket'];

/** How an account proves who it is. `plugin` absent: as it does already, a new one with `mysql_native_password`. */
export type Login =
  | { readonly kind: 'password'; readonly password: string; readonly plugin?: string | undefined }
  | { readonly kind: 'hash'; readonly hash: string; readonly plugin?: string | undefined }
  | { readonly kind: 'passwordless' }
  | { readonly kind: 'socket' };

/** What a server knows of an account. */
export interface Account {
  readonly plugin: string;
  /** What is kept for its password; empty: it needs none. */
  readonly kept: string;
  /** All columns of `mysql.user`. */
  readonly row: Row;
}

/** A server and one of its accounts. */
export interface AccountLook {
  readonly isMariaDb: boolean;
  /** Undefined: there is none of that name. */
  readonly account: Account | undefined;
}

/** Looks for an account. `column` is the one that keeps passwords, where the server has an unusual one. */
export async function findAccount(
  host: HostReader,
  { user, host: from }: AccountName,
  server: MysqlServer,
  column?: string,
): Promise<AccountLook> {
  const sql = `SELECT VERSION() AS version;
SELECT * FROM mysql.user WHERE User = ${quoteText(user)} AND LOWER(Host) = LOWER(${quoteText(from)});`;
  const [version, accounts] = await ask(host, sql, server);
  const row = accounts?.rows[0];
  return {
    isMariaDb: version?.rows[0]?.version?.includes('MariaDB') ?? false,
    account: row === undefined ? undefined : accountOf(row, column),
  };
}

function accountOf(row: Row, column: string | undefined): Account {
  // Servers before MySQL 5.7 and MariaDB 10.4 keep passwords of this plugin in another column, and the plugin nowhere.
  const kept = column === undefined ? row.authentication_string || row.Password : row[column];
  return { plugin: row.plugin || NATIVE, kept: kept ?? '', row };
}

/** What a server keeps for a password with `mysql_native_password`. */
export function nativeHash(password: string): string {
  if (password === '') return '';
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

/** Whether an account logs in as it should; `unknown` where what its plugin keeps cannot be compared with a password. */
export function compareLogin({ plugin, kept }: Account, login: Login): 'same' | 'other' | 'unknown' {
  if (login.kind === 'socket') return sameness(SOCKETS.includes(plugin));
  if (login.kind === 'passwordless') return sameness(kept === '');
  if (login.plugin !== undefined && login.plugin !== plugin) return 'other';
  if (login.kind === 'hash')
    return sameness(plugin === NATIVE ? kept.toUpperCase() === login.hash.toUpperCase() : kept === login.hash);
  if (plugin === NATIVE) return sameness(kept.toUpperCase() === nativeHash(login.password));
  return SOCKETS.includes(plugin) || kept === '' ? 'other' : 'unknown';
}

function sameness(isSame: boolean): 'same' | 'other' {
  return isSame ? 'same' : 'other';
}

/** SQL that makes an account, or changes how it logs in. */
export function loginStatement(name: AccountName, { isMariaDb, account }: AccountLook, login: Login): string {
  const verb = account === undefined ? 'CREATE' : 'ALTER';
  const now = account === undefined || SOCKETS.includes(account.plugin) ? NATIVE : account.plugin;
  return `${verb} USER ${quoteAccount(name)} ${identified(isMariaDb, login, now)};`;
}

function identified(isMariaDb: boolean, login: Login, now: string): string {
  if (login.kind === 'passwordless') return "IDENTIFIED BY ''";
  if (login.kind === 'socket') return isMariaDb ? 'IDENTIFIED VIA unix_socket' : 'IDENTIFIED WITH auth_socket';
  const plugin = login.plugin ?? now;
  const [via, using] = isMariaDb ? ['VIA', 'USING'] : ['WITH', 'AS'];
  const how = `IDENTIFIED ${via} ${quoteText(plugin)}`;
  if (login.kind === 'hash') return `${how} ${using} ${quoteText(login.hash)}`;
  // The password itself stays off the wire and out of the server's logs where what is kept can be told.
  if (plugin === NATIVE) return `${how} ${using} ${quoteText(nativeHash(login.password))}`;
  return isMariaDb ? `${how} USING PASSWORD(${quoteText(login.password)})` : `${how} BY ${quoteText(login.password)}`;
}
