import { join, normalize } from 'node:path/posix';
import type { ExecOptions, Host, HostReader } from '../../../host/index.ts';
import { EdgeError, newId } from '../../../kernel/index.ts';
import { asText, mustProbe, mustRun } from '../../operations/index.ts';
import { findUser, type UserEntry } from '../accounts.ts';

/*
 * Files of users, such as `~/.ssh/authorized_keys`. Whoever owns a directory may put links there that lead anywhere. So
 * what lies in a directory of the user is read and written as that user, who gets no further than before; elsewhere only
 * links and directories of root count.
 */

/** A file of a user. */
export interface UserFile {
  /** Undefined: there is no such user, yet. */
  readonly user: UserEntry | undefined;
  /** As the configuration has it, filled in where the user is there. */
  readonly path: string;
  /** Empty where there is no such file. */
  readonly text: string;
}

/** Whose file, and where: from the home on, with `%h`, `%u` and `%%`. */
export interface UserPath {
  readonly user: string;
  readonly config: string;
}

/** Permissions of files that are made. */
const FILE_MODE = 0o600;
const ABSENT = 3;

/**
 * Follows the symlinks of a path, as far as there is something. Prints the deepest directory there is, what is missing
 * below it, the name of the file, who owns that directory, who owns the links, and whether the home is there.
 */
const LOCATE = `
set -f
owner() { set -- $(ls -ldn -- "$1"); echo "$3"; }
rest=$1 home=$2 at= links= hops=0
while [ -n "$rest" ]; do
  rest=\${rest#/}
  part=\${rest%%/*}
  case $rest in */*) rest=\${rest#*/} ;; *) rest= ;; esac
  case $part in '' | .) continue ;; ..) at=\${at%/*} && continue ;; esac
  if [ -L "$at/$part" ]; then
    hops=$((hops + 1)); [ "$hops" -le 40 ] || { echo "too many symlinks: $1" >&2; exit 1; }
    links="$links $(owner "$at/$part")"
    target=$(readlink -- "$at/$part") || exit 1
    case $target in /*) at= ;; esac
    rest=$target/$rest
  else at=$at/$part; fi
done
dir=\${at%/*} base=\${at##*/} missing=
until [ -d "$dir/" ]; do missing=\${dir##*/}/$missing dir=\${dir%/*}; done
printf '%s\\n' "\${dir:-/}" "$missing" "$base"
owner "$dir/"; echo "$links"; [ ! -d "$home" ] || echo home`;

const READ = `
cd -P -- "$1" && [ "$(pwd -P)" = "$1" ] || exit 1
[ -e "$2" ] || exit ${ABSENT}
[ -f "$2" ] || { echo 'it is no file' >&2; exit 1; }
cat -- "$2"`;

/** The directory is entered first and looked at then: a link put in its place meanwhile leads nowhere. */
const WRITE = `
dir=$1 missing=$2 base=$3 temp=$4 mode=$5 owner=$6 dirmode=$7 dirowner=$8
set -efC; umask 077
cd -P -- "$dir"; [ "$(pwd -P)" = "$dir" ]
IFS=/
for part in $missing; do
  mkdir -m "$dirmode" -- "$part"
  [ -z "$dirowner" ] || chown "$dirowner" -- "$part"
  dir=\${dir%/}/$part; cd -P -- "$part"; [ "$(pwd -P)" = "$dir" ]
done
trap 'rm -f -- "$temp"' EXIT
cat >"$temp"
[ -z "$owner" ] || chown "$owner" -- "$temp"
chmod "$mode" -- "$temp"
mv -f -- "$temp" "$base"
trap - EXIT
! command -v restorecon >/dev/null || restorecon . "$base" || :`;

/** The file of a user as it is. @throws EdgeError `EDGE_PERMISSION_DENIED` where its path leads out of the user's control */
export async function readUserFile(host: HostReader, wanted: UserPath): Promise<UserFile> {
  const user = await findUser(host, wanted.user);
  if (user === undefined) return { user, path: wanted.config, text: '' };
  const path = pathOf(user, wanted.config);
  const place = await locate(host, user, path);
  if (place.missing !== '') return { user, path, text: '' };
  const command = ['sh', '-c', READ, 'sh', place.dir, place.base] as const;
  const { exitCode, stdoutBytes, stderr, truncated } = await host.probe(command, actingAs(place, user));
  if (exitCode === ABSENT) return { user, path, text: '' };
  if (exitCode !== 0 || truncated) {
    const why = truncated ? 'it is too large' : stderr.trim();
    throw new EdgeError(
      'EDGE_PERMISSION_DENIED',
      `cannot read ${path} on ${host.id}: ${why}`,
      { path, user: user.name },
      { hint: `It must be a file that ${user.name} may read: nobody else reads it for ssh.` },
    );
  }
  return { user, path, text: asText(host, path, stdoutBytes) };
}

/**
 * Replaces a file of a user. A new file gets 0600, directories that are missing 0700, and both the user as owner; those
 * that are neither below the home nor in a directory of the user are for several users: root's, 0755. What is there keeps
 * its permissions. @throws EdgeError as `readUserFile`, and where there is no such user or home
 */
export async function writeUserFile(host: Host, wanted: UserPath, text: string): Promise<void> {
  const user = await findUser(host, wanted.user);
  if (user === undefined)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `no user ${wanted.user} on ${host.id}`,
      { user: wanted.user },
      { hint: 'Create it first (user.present), or correct the name.' },
    );
  const path = pathOf(user, wanted.config);
  const place = await locate(host, user, path);
  if (!place.hasHome && isBelow(path, user.home))
    throw new EdgeError(
      'EDGE_FILE_NOT_FOUND',
      `the home ${user.home} of ${user.name} is not on ${host.id}`,
      { user: user.name, home: user.home },
      { hint: 'Make it first (user.present with createhome), or give an absolute path in config.' },
    );
  const found = place.missing === '' ? await host.stat(join(place.dir, place.base)) : undefined;
  const owner = place.isUsers ? '' : `${found?.uid ?? user.uid}:${found?.gid ?? user.gid}`;
  const mode = (found?.mode ?? FILE_MODE).toString(8);
  const { dir, missing, base } = place;
  const isOwn = place.isUsers || isBelow(path, user.home);
  const words = [dir, missing, base, `.${base.slice(0, 200)}.${newId()}`, mode, owner];
  words.push(isOwn ? '700' : '755', isOwn ? owner : '');
  await mustRun(host, ['sh', '-c', WRITE, 'sh', ...words], { ...actingAs(place, user), stdin: text });
}

/** Fills in `%h`, `%u` and `%%`; a relative path begins in the home. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function pathOf({ name, home }: Pick<UserEntry, 'name' | 'home'>, config: string): string {
  const filled = config.replaceAll(/%(.?)/gs, (token, letter: string) => {
    const value = { h: home, u: name, '%': '%' }[letter];
    if (value !== undefined) return value;
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${token} in ${config} stands for nothing`,
      { config },
      { hint: '%h is the home, %u the user, %% a percent sign.' },
    );
  });
  return normalize(filled.startsWith('/') ? filled : `${home}/${filled}`);
}

interface Place {
  /** The deepest directory there is. */
  readonly dir: string;
  /** Directories that are missing below it, each with a slash; empty when there are none. */
  readonly missing: string;
  readonly base: string;
  readonly hasHome: boolean;
  /** The directory belongs to the user, who acts there. */
  readonly isUsers: boolean;
}

async function locate(host: HostReader, user: UserEntry, path: string): Promise<Place> {
  const { stdout } = await mustProbe(host, ['sh', '-c', LOCATE, 'sh', path, user.home], { env: { LC_ALL: 'C' } });
  const [dir = '', missing = '', base = '', owner = '', links = '', home = ''] = stdout.split('\n');
  const isUsers = Number(owner) === user.uid;
  const isRoots = [owner, ...links.split(' ')].every((uid) => uid === '' || uid === '0');
  if (!isUsers && !isRoots)
    throw new EdgeError(
      'EDGE_PERMISSION_DENIED',
      `${path} on ${host.id} leads to ${join(dir, missing, base)}, in a directory that is not ${user.name}'s`,
      { path, user: user.name },
      { hint: `Remove the symlink, or give the directory to ${user.name} or root.` },
    );
  return { dir, missing, base, hasHome: home !== '', isUsers };
}

function isBelow(path: string, home: string): boolean {
  return path.startsWith(`${normalize(home)}/`);
}

function actingAs({ isUsers }: Place, user: UserEntry): ExecOptions {
  return isUsers ? { runAs: user.name } : {};
}
