import type { HostReader } from '../../host/index.ts';

/** A user as `user.info` answers it. */
export interface UserInfo {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
  /** Names of all groups, the primary one among them, sorted. */
  readonly groups: readonly string[];
}

/** A group as `group.info` answers it. */
export interface GroupInfo {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Reads `passwd(5)` lines; groups are filled in from `group(5)` lines. */
function parseUsers(passwd: string, group: string): UserInfo[] {
  const groups = parseGroups(group);
  return passwd.split('\n').flatMap((line) => {
    const fields = line.split(':');
    if (fields.length < 7) return [];
    const [name, , uid, gid, gecos, home, shell] = fields as [string, string, string, string, string, string, string];
    const own = groups
      .filter((entry) => entry.gid === Number(gid) || entry.members.includes(name))
      .map((entry) => entry.name);
    return [{ name, uid: Number(uid), gid: Number(gid), gecos, home, shell, groups: own.sort() }];
  });
}

/** Reads `group(5)` lines. */
function parseGroups(text: string): GroupInfo[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(':');
    return fields.length < 4
      ? []
      : [
          {
            name: fields[0]!,
            gid: Number(fields[2]),
            members: fields[3]!.split(',').filter((member) => member !== ''),
          },
        ];
  });
}

/** Every user of the host. */
export async function listUsers(host: HostReader): Promise<UserInfo[]> {
  return parseUsers(await database(host, 'passwd'), await database(host, 'group'));
}

/** Every group of the host. */
export async function listGroups(host: HostReader): Promise<GroupInfo[]> {
  return parseGroups(await database(host, 'group'));
}

/** A user as `passwd(5)` has it. */
export type UserEntry = Omit<UserInfo, 'groups'>;

/** A user by name, also one of a directory that does not list its users; undefined when there is none. */
export async function findUser(host: HostReader, name: string): Promise<UserEntry | undefined> {
  const script = 'getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd';
  const { stdout } = await host.probe(['sh', '-c', script, 'sh', name]);
  return parseUsers(stdout, '').find((user) => user.name === name);
}

/** Fields of `shadow(5)` behind the name; empty ones where there is nobody to ask for. Days are those since 1970. */
export interface ShadowEntry {
  readonly hash: string;
  readonly changed: string;
  readonly mindays: string;
  readonly maxdays: string;
  readonly warndays: string;
  readonly inactdays: string;
  readonly expire: string;
}

/** What `shadow(5)` has of a user. */
export async function shadowEntry(host: HostReader, name: string): Promise<ShadowEntry> {
  const script = 'getent shadow "$1" 2>/dev/null || grep "^$1:" /etc/shadow';
  const { stdout } = await host.probe(['sh', '-c', script, 'sh', name]);
  const [, hash = '', changed = '', mindays = '', maxdays = '', warndays = '', inactdays = '', expire = ''] = stdout
    .split('\n')[0]!
    .split(':');
  return { hash, changed, mindays, maxdays, warndays, inactdays, expire };
}

async function database(host: HostReader, name: 'passwd' | 'group'): Promise<string> {
  // A minimal system has no getent; its users are those of the file.
  const { stdout } = await host.probe(['sh', '-c', 'getent "$1" 2>/dev/null || cat "/etc/$1"', 'sh', name]);
  return stdout;
}
