import type { DirectoryEntry, FileStat } from '@edge-run/shared/host';

/** A path that no program takes for an option. */
export function asOperand(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

/**
 * sh for `stat`: `absent`, or one line of facts and then the target of a symlink. `$1` is the path. GNU and busybox
 * agree on these formats; `%y` is the only way both give the fraction of the second.
 */
export const STAT_SCRIPT = `
if [ -L "$1" ] || [ -e "$1" ]; then
  LC_ALL=C TZ=UTC stat -c '%f:%u:%g:%s:%Y:%U:%G:%y' "$1" || exit 3
  [ -L "$1" ] && readlink -n "$1"
  exit 0
fi
said=$(LC_ALL=C ls -d "$1" 2>&1)
case "$said" in *"ermission denied"*) echo "$said" >&2; exit 4;; esac
echo absent`;

/** The answer of `STAT_SCRIPT`; undefined: does not exist. */
export function parseStat(stdout: string): FileStat | undefined {
  if (stdout === 'absent\n') return undefined;
  const end = stdout.indexOf('\n');
  const [mode = '', uid = '', gid = '', size = '', seconds = '', user = '', group = '', ...date] = stdout
    .slice(0, end)
    .split(':');
  const bits = Number.parseInt(mode, 16);
  const kind = KINDS.get(bits & 0o170000) ?? 'file';
  const fraction = /\.(\d{3})/.exec(date.join(':'))?.[1] ?? '0';
  return {
    kind,
    mode: bits & 0o7777,
    user: user === 'UNKNOWN' ? uid : user,
    group: group === 'UNKNOWN' ? gid : group,
    uid: Number(uid),
    gid: Number(gid),
    sizeBytes: Number(size),
    modifiedAt: Number(seconds) * 1_000 + Number(fraction),
    ...(kind === 'symlink' ? { linkTarget: stdout.slice(end + 1) } : {}),
  };
}

/** File type bits → kind. */
const KINDS: ReadonlyMap<number, FileStat['kind']> = new Map([
  [0o040000, 'directory'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
  [0o060000, 'block'],
  [0o020000, 'char'],
]);

/** sh for `list`: a letter and a name for each entry, ended by NUL. `$1` is the directory. Starts no program. */
export const LIST_SCRIPT = `
if ! [ -d "$1" ] || ! [ -r "$1" ]; then LC_ALL=C ls "$1/." 2>&1 >/dev/null | head -n 1 >&2; exit 3; fi
cd "$1" || exit 3
for f in * .[!.]* ..?*; do
  if [ -L "$f" ]; then k=l; elif [ -d "$f" ]; then k=d; elif [ -f "$f" ]; then k=f; elif [ -p "$f" ]; then k=p
  elif [ -S "$f" ]; then k=s; elif [ -b "$f" ]; then k=b; elif [ -c "$f" ]; then k=c; else continue; fi
  printf '%s%s\\0' "$k" "$f"
done`;

/** The answer of `LIST_SCRIPT`, sorted by name. */
export function parseList(stdout: string): readonly DirectoryEntry[] {
  return stdout
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => ({ name: entry.slice(1), kind: LETTERS[entry[0] ?? ''] ?? 'file' }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

const LETTERS: Readonly<Record<string, DirectoryEntry['kind']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
  p: 'fifo',
  s: 'socket',
  b: 'block',
  c: 'char',
};

/**
 * sh for `writeFile`: stdin to a temporary file beside `$1`, owner `$2`, mode `$3`, then a rename. `$4` is the size:
 * a connection that breaks looks like the end of the input, and a file that was cut must not take the place of a whole one.
 */
export const WRITE_SCRIPT = `
case "$1" in */*) dir=\${1%/*}/;; *) dir=;; esac
if [ -d "$1" ] && ! [ -L "$1" ]; then echo "Is a directory" >&2; exit 5; fi
tmp="$dir.edge-$5"
trap 'rm -f "$tmp"' EXIT
trap 'exit 6' HUP INT TERM
umask 077
LC_ALL=C; export LC_ALL
set -C
cat > "$tmp" || exit 3
[ "$(wc -c < "$tmp")" -eq "$4" ] || { echo "the content was cut" >&2; exit 6; }
if [ -n "$2" ]; then chown "$2" "$tmp" || exit 7; fi
chmod "$3" "$tmp" || exit 3
# A link to a directory would be entered; where mv knows no -T the link goes first.
mv -fT "$tmp" "$1" 2>/dev/null || { if [ -L "$1" ]; then rm -f "$1"; fi; mv -f "$tmp" "$1"; } || exit 3
trap - EXIT`;

/** sh for `readFile`. `$1` is the path. */
export const READ_SCRIPT = 'LC_ALL=C exec cat "$1"';

/** sh for `remove`. `$1` is the path without a trailing slash. */
export const REMOVE_SCRIPT = 'LC_ALL=C exec rm -rf "$1"';
