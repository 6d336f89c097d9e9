import { type DirectoryEntry, type FileStat, type FoundPath, LINK_END } from '@edge-run/shared/host';

/** A path that no program takes for an option. */
export function asOperand(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

/** Content up to this comes with what is said of a file. */
export const MAX_LOOK_BYTES = 64 * 1024;

/**
 * The functions every shell of ours knows; each is called in a subshell. GNU and busybox agree on the formats of
 * `stat`; `%y` is the only way both give the fraction of the second. LC_ALL is C for all of them.
 *
 * - `edge_facts PATH`: one line of facts and the target of a symlink, or `absent`.
 * - `edge_look PATH end|link`: facts of the path; where it is a symlink, and its end is asked for, the path it leads to
 *   and the facts of that; each ended by NUL; then the content of a regular file that is small enough, after a `c`.
 * - `edge_read PATH`: `c` and the content, or the size of a larger regular file.
 * - `edge_list DIRECTORY`: a letter and a name for each entry, ended by NUL; starts no program.
 * - `edge_write PATH OWNER MODE SIZE NAME`: stdin to a temporary file beside PATH, then as `edge_place`.
 * - `edge_place TEMPORARY PATH OWNER MODE SIZE`: gives the temporary file what it shall have, and PATH its name. SIZE is
 *   checked: a connection that breaks looks like the end of the input, and a file that was cut must not take the place
 *   of a whole one.
 * - `edge_remove PATH`: PATH has no trailing slash.
 */
export const LOOK_FUNCTIONS = `
${LINK_END}
edge_facts() {
  if [ -L "$1" ] || [ -e "$1" ]; then
    facts=$(TZ=UTC stat -c '%f:%u:%g:%s:%Y:%U:%G:%y' "$1") || exit 3
    echo "$facts"
    [ -L "$1" ] && readlink -n "$1"
    return 0
  fi
  said=$(ls -d "$1" 2>&1)
  case "$said" in *"ermission denied"*) echo "$said" >&2; exit 4;; esac
  echo absent
}
edge_look() {
  LC_ALL=C; export LC_ALL
  edge_facts "$1"; printf '\\000'
  if [ -L "$1" ]; then
    [ "$2" = end ] || exit 0
    end=$(edge_link_end "$1" && echo .) || exit 0
    end=\${end%?.}
    printf '%s\\000' "$end"
    edge_facts "$end"; printf '\\000'
  else
    end=$1
  fi
  size=\${facts#*:*:*:}; size=\${size%%:*}
  if [ -f "$end" ] && [ "$size" -le ${MAX_LOOK_BYTES} ]; then printf c; exec cat "$end"; fi
}
edge_read() {
  LC_ALL=C; export LC_ALL
  if [ -f "$1" ]; then
    size=$(stat -L -c %s "$1") || exit 3
    if [ "$size" -gt ${MAX_LOOK_BYTES} ]; then echo "$size"; exit 0; fi
  elif [ -e "$1" ] && ! [ -d "$1" ]; then
    echo -1; exit 0
  fi
  printf c; exec cat "$1"
}
edge_list() {
  LC_ALL=C; export LC_ALL
  if ! [ -d "$1" ] || ! [ -r "$1" ]; then ls "$1/." 2>&1 >/dev/null | head -n 1 >&2; exit 3; fi
  cd "$1" || exit 3
  for f in * .[!.]* ..?*; do
    if [ -L "$f" ]; then k=l; elif [ -d "$f" ]; then k=d; elif [ -f "$f" ]; then k=f; elif [ -p "$f" ]; then k=p
    elif [ -S "$f" ]; then k=s; elif [ -b "$f" ]; then k=b; elif [ -c "$f" ]; then k=c; else continue; fi
    printf '%s%s\\000' "$k" "$f"
  done
}
edge_write() {
  case "$1" in */*) tmp=\${1%/*}/.edge-$5;; *) tmp=.edge-$5;; esac
  trap 'rm -f "$tmp"' EXIT
  trap 'exit 6' HUP INT TERM
  umask 077
  LC_ALL=C; export LC_ALL
  set -C
  if [ -d "$1" ] && ! [ -L "$1" ]; then echo "Is a directory" >&2; exit 5; fi
  cat > "$tmp" || exit 3
  edge_place "$tmp" "$1" "$2" "$3" "$4"
  trap - EXIT
}
edge_place() {
  LC_ALL=C; export LC_ALL
  if [ -d "$2" ] && ! [ -L "$2" ]; then echo "Is a directory" >&2; exit 5; fi
  [ "$(wc -c < "$1")" -eq "$5" ] || { echo "the content was cut" >&2; exit 6; }
  if [ -n "$3" ]; then chown "$3" "$1" || exit 7; fi
  chmod "$4" "$1" || exit 3
  # A link to a directory would be entered; where mv knows no -T the link goes first.
  mv -fT "$1" "$2" 2>/dev/null || { if [ -L "$2" ]; then rm -f "$2"; fi; mv -f "$1" "$2"; } || exit 3
}
edge_remove() { LC_ALL=C; export LC_ALL; exec rm -rf "$1"; }`;

/** The answer of `edge_facts`; undefined: does not exist. */
export function parseFacts(stdout: string): FileStat | undefined {
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

/** The answer of `edge_look` for a path. */
export function parseLook(path: string, stdout: Uint8Array): FoundPath {
  const bytes = Buffer.from(stdout);
  let at = 0;
  const field = (): string => {
    const end = bytes.indexOf(0, at);
    const text = bytes.subarray(at, end).toString('utf8');
    at = end + 1;
    return text;
  };
  const own = parseFacts(field());
  const isLink = own?.kind === 'symlink' && at < bytes.length;
  const found = isLink ? { path: field(), stat: parseFacts(field()) } : { path, stat: own };
  const content = bytes[at] === CONTENT ? new Uint8Array(bytes.subarray(at + 1)) : undefined;
  return { ...found, ...(content === undefined ? {} : { content }) };
}

/** The answer of `edge_read`: the content, or the size of a file that is too large; -1 for what is no regular file. */
export function parseRead(stdout: Uint8Array): Uint8Array | number {
  return stdout[0] === CONTENT ? stdout.subarray(1) : Number(Buffer.from(stdout).toString('latin1'));
}

/** `c` */
const CONTENT = 99;

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

/** The answer of `edge_list`, sorted by name. */
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
