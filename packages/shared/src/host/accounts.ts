import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { EdgeError } from '../kernel/index.ts';

const run = promisify(execFile);

/** A line of the user database. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** Reads one line of `passwd(5)`; undefined for a line that is not one. */
function parseAccount(line: string): Account | undefined {
  const fields = line.split(':');
  if (fields.length < 7) return undefined;
  const [name, , uid, gid, , home, shell] = fields as [string, string, string, string, string, string, string];
  return { name, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' };
}

/**
 * The users and groups of this machine: the local files first, then whatever `getent` knows (LDAP and the like).
 * Read anew at each question, so that a user made a moment ago is there.
 */
export class AccountDatabase {
  /** The account of a name or number; undefined when there is none. */
  async findUser(user: string | number): Promise<Account | undefined> {
    const line = await findLine('passwd', user);
    return line === undefined ? undefined : parseAccount(line);
  }

  /** @throws EdgeError `EDGE_BAD_ARGUMENT` when no such user exists. */
  async getUser(user: string | number): Promise<Account> {
    const account = await this.findUser(user);
    if (account !== undefined) return account;
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `no user ${user} on this host`,
      { user },
      {
        hint: 'Create it first (user.present), or correct the name.',
      },
    );
  }

  /** The number of a user; a number needs no entry. @throws EdgeError `EDGE_BAD_ARGUMENT` */
  async uidOf(user: string): Promise<number> {
    return /^\d+$/.test(user) ? Number(user) : (await this.getUser(user)).uid;
  }

  /** The number of a group; a number needs no entry. @throws EdgeError `EDGE_BAD_ARGUMENT` */
  async gidOf(group: string): Promise<number> {
    if (/^\d+$/.test(group)) return Number(group);
    const line = await findLine('group', group);
    const gid = line?.split(':')[2];
    if (gid !== undefined) return Number(gid);
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `no group ${group} on this host`,
      { group },
      {
        hint: 'Create it first (group.present), or correct the name.',
      },
    );
  }

  /** Name of a user number, or the number as text. */
  userName(uid: number): string {
    return localLine('passwd', uid)?.split(':')[0] ?? String(uid);
  }

  /** Name of a group number, or the number as text. */
  groupName(gid: number): string {
    return localLine('group', gid)?.split(':')[0] ?? String(gid);
  }
}

type Database = 'passwd' | 'group';

async function findLine(database: Database, key: string | number): Promise<string | undefined> {
  const local = localLine(database, key);
  if (local !== undefined) return local;
  try {
    const { stdout } = await run('getent', [database, String(key)], { timeout: 10_000 });
    return stdout.split('\n')[0];
  } catch {
    // getent ends with 2 for "not found" and does not exist everywhere; both mean: nobody knows the name.
    return undefined;
  }
}

function localLine(database: Database, key: string | number): string | undefined {
  const isNumber = typeof key === 'number' || /^\d+$/.test(key);
  const matches = (line: string): boolean => line.split(':')[isNumber ? 2 : 0] === String(key);
  return readDatabase(database).find(matches);
}

function readDatabase(database: Database): readonly string[] {
  try {
    return readFileSync(`/etc/${database}`, 'utf8').split('\n');
  } catch {
    // A host without the file (a container from scratch) has numbers only.
    return [];
  }
}
