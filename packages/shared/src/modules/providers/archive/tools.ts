import type { ExecOptions, ExecResult, Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { hasProgram, splitWords } from '../../operations/index.ts';
import {
  type ArchiveContents,
  type ArchiveFormat,
  type ArchiveMember,
  type Packing,
  packingOf,
  parseTarList,
  parseZipList,
} from './contents.ts';

/** An archive that a host is to look into: a file of its own, or bytes from elsewhere. */
export type ArchiveFile = { readonly path: string } | { readonly bytes: Uint8Array };

/** Programs that the formats need on the host. */
const PROGRAM: Readonly<Record<ArchiveFormat, string>> = { tar: 'tar', zip: 'unzip' };
const UNPACKERS: Readonly<Record<Packing, string | undefined>> = {
  none: undefined,
  gzip: 'gzip',
  bzip2: 'bzip2',
  xz: 'xz',
  zstd: 'zstd',
};
const TIMEOUT_MS = 1_800_000;
/** Of a list; the names of some hundred thousand files. */
const MAX_LIST_BYTES = 128 * 1024 * 1024;

/** Takes how the archive is packed and where it is; what comes on stdin is in a file of its own until the end. */
const OPENED = `set -u
kind=$1 file=$2; shift 2
if [ "$file" = - ]; then
  file=$(mktemp) || exit 1
  trap 'rm -f "$file"' EXIT
  trap 'exit 1' HUP INT TERM
  cat >"$file" || exit 1
fi
plain() { case $kind in gzip) gzip -dc;; bzip2) bzip2 -dc;; xz) xz -dc;; zstd) zstd -dcq;; *) cat;; esac <"$file"; }
`;
const LIST_TAR = `${OPENED}quoting=
if tar --version 2>/dev/null | grep -q GNU; then quoting=--quoting-style=literal; fi
if [ $# -gt 0 ]; then
  tar -t $quoting "$@" -f "$file" && echo && tar -tv $quoting "$@" -f "$file"
else
  plain | tar -t $quoting -f - && echo && plain | tar -tv $quoting -f -
fi`;
/** 1 of unzip is a warning. */
const LIST_ZIP = `${OPENED}unzip -Z1 "$file"; code=$?; [ $code -le 1 ] || exit $code
echo; unzip -Z "$file"; code=$?; [ $code -le 1 ] || exit $code`;
const EXTRACT_TAR = `${OPENED}cd -- "$1" || exit 1; shift
if [ $# -gt 0 ]; then tar -x "$@" -f "$file"; else plain | tar -xf -; fi`;
/** Takes how many options there are, these, and what goes behind the name of the archive. */
const EXTRACT_ZIP = `${OPENED}cd -- "$1" || exit 1
options=$2; shift 2; behind=$(($# - options))
while [ $options -gt 0 ]; do set -- "$@" "$1"; shift; options=$((options - 1)); done
set -- "$@" "$file"
while [ $behind -gt 0 ]; do set -- "$@" "$1"; shift; behind=$((behind - 1)); done
unzip -o -q "$@"; code=$?; [ $code -le 1 ] || exit $code`;

/** Takes paths below a directory on stdin and tells of each what it is. */
const KINDS = `cd -- "$1" 2>/dev/null || exit 3
while IFS= read -r path; do
  if [ -h "./$path" ]; then echo l; elif [ -d "./$path" ]; then echo d; elif [ -e "./$path" ]; then echo f; else echo n; fi
done`;
const USUAL_RIGHTS = `cd -- "$1" || exit 1
while IFS= read -r path; do
  if [ -h "./$path" ]; then continue; elif [ -d "./$path" ]; then chmod 755 "./$path"; else chmod 644 "./$path"; fi
done`;

/** What is at a path: nothing, or what it is itself. */
export type FoundKind = ArchiveMember['kind'] | 'none';
const KIND_OF: Readonly<Record<string, FoundKind>> = { l: 'link', d: 'directory', f: 'file' };

/** How an archive of a host is looked into. */
export interface ListRequest {
  readonly format: ArchiveFormat;
  readonly file: ArchiveFile;
  /** Options for `tar -t`, as trees write them. */
  readonly options?: string | undefined;
  readonly signal: AbortSignal;
}

/** What is in an archive, by the tools of the host. @throws EdgeError `EDGE_COMMAND_FAILED`, `EDGE_COMMAND_NOT_FOUND` */
export async function listArchive(
  host: HostReader,
  { format, file, options, signal }: ListRequest,
): Promise<ArchiveContents> {
  const script = format === 'tar' ? LIST_TAR : LIST_ZIP;
  const packing = await packingFor(host, format, file);
  const words = format === 'tar' ? tarWords(options) : [];
  const exec = { signal, timeoutMs: TIMEOUT_MS, maxOutputBytes: MAX_LIST_BYTES, ...inputOf(file) };
  const result = await host.probe(['sh', '-c', script, 'sh', packing, placeOf(file), ...words], exec);
  if (result.truncated) throw new EdgeError('EDGE_NOT_SUPPORTED', 'the archive has too many members to be looked at');
  requireSuccess(
    host,
    'the list of the archive',
    result,
    'Is it an archive of that format, and whole? See archive_format and list_options.',
  );
  return format === 'tar' ? parseTarList(result.stdout) : parseZipList(result.stdout);
}

/** How an archive is extracted. */
export interface ExtractRequest extends ListRequest {
  /** Directory, which must be there. */
  readonly into: string;
  readonly password?: string | undefined;
  /** Members to leave out; of zip archives. */
  readonly excludes?: readonly string[];
  readonly runAs?: string | undefined;
}

/** Extracts an archive. @throws EdgeError `EDGE_COMMAND_FAILED`, `EDGE_COMMAND_NOT_FOUND`, `EDGE_BAD_ARGUMENT` */
export async function extractArchive(host: Host, request: ExtractRequest): Promise<void> {
  const { format, file, into, options, signal, password, excludes = [], runAs } = request;
  const exec: ExecOptions = {
    signal,
    timeoutMs: TIMEOUT_MS,
    ...inputOf(file),
    ...(runAs === undefined ? {} : { runAs }),
    // In the environment no other user of the host can read it.
    ...(password === undefined ? {} : { env: { UNZIP: `-P "${writablePassword(password)}"` } }),
  };
  const words = format === 'tar' ? tarWords(options) : zipWords(options);
  const behind = excludes.length === 0 ? [] : ['-x', ...excludes];
  const [script, given] =
    format === 'tar' ? [EXTRACT_TAR, words] : [EXTRACT_ZIP, [String(words.length), ...words, ...behind]];
  const packing = await packingFor(host, format, file);
  const result = await host.exec(['sh', '-c', script, 'sh', packing, placeOf(file), into, ...given], exec);
  requireSuccess(host, `extracting the archive into ${into}`, result, 'What was extracted until then is still there.');
}

/** Gives files of an archive the permissions new files have: 644, and 755 for directories. */
export async function giveUsualRights(
  host: Host,
  into: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const exec = { signal, stdin: paths.map((path) => `${path}\n`).join('') };
  requireSuccess(host, `permissions below ${into}`, await host.exec(['sh', '-c', USUAL_RIGHTS, 'sh', into], exec));
}

/** What is at each of several paths below a directory, symlinks not followed. */
export async function kindsBelow(
  host: HostReader,
  directory: string,
  paths: readonly string[],
): Promise<readonly FoundKind[]> {
  const stdin = paths.map((path) => `${path}\n`).join('');
  const result = await host.probe(['sh', '-c', KINDS, 'sh', directory], { stdin, maxOutputBytes: MAX_LIST_BYTES });
  if (result.exitCode === 3) return paths.map(() => 'none');
  requireSuccess(host, `looking below ${directory}`, result);
  const found = result.stdout.split('\n');
  return paths.map((_, index) => KIND_OF[found[index]!] ?? 'none');
}

/** The program an archive needs and the host lacks; undefined: none. */
export async function missingProgram(
  host: HostReader,
  format: ArchiveFormat,
  packing: Packing,
): Promise<string | undefined> {
  for (const program of [PROGRAM[format], format === 'tar' ? UNPACKERS[packing] : undefined])
    if (program !== undefined && !(await hasProgram(host, program))) return program;
  return undefined;
}

/** How an archive is packed; a zip archive is not. */
export async function packingFor(host: HostReader, format: ArchiveFormat, file: ArchiveFile): Promise<Packing> {
  if (format === 'zip') return 'none';
  if ('bytes' in file) return packingOf(file.bytes.subarray(0, 6));
  return packingOf((await host.probe(['head', '-c', '6', file.path])).stdoutBytes);
}

/** Options of tar as words: letters may stand without a dash, and what is said anyway is left out. */
export function tarWords(options: string | undefined): readonly string[] {
  const [first, ...rest] = splitWords(options ?? '').filter((word) => !['v', '-v', '--verbose'].includes(word));
  if (first === undefined || first.startsWith('-')) return first === undefined ? [] : [first, ...rest];
  const letters = first.replace(/[xtcfv]/g, '');
  return letters === '' ? rest : [`-${letters}`, ...rest];
}

function zipWords(options: string | undefined): readonly string[] {
  const [first, ...rest] = splitWords(options ?? '');
  if (first === undefined) return [];
  return [first.startsWith('-') ? first : `-${first}`, ...rest];
}

function placeOf(file: ArchiveFile): string {
  return 'path' in file ? file.path : '-';
}

function inputOf(file: ArchiveFile): { stdin?: Uint8Array } {
  return 'path' in file ? {} : { stdin: file.bytes };
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for one that cannot be handed to unzip in its environment */
function writablePassword(password: string): string {
  if (password !== '' && !/["\\\n\0]/.test(password)) return password;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    'the password of the archive is empty, or has a quote, a backslash or a line end in it',
    {},
    { hint: 'unzip cannot be given such a password without showing it to other users of the host.' },
  );
}

function requireSuccess(host: HostReader, what: string, { exitCode, stdout, stderr }: ExecResult, hint?: string): void {
  if (exitCode === 0) return;
  const said = (stderr.trim() || stdout.trim()).slice(-2000);
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `${what} on ${host.id} failed with ${exitCode}${said === '' ? '' : `: ${said}`}`,
    { exitCode },
    hint === undefined ? {} : { hint },
  );
}
