import type { Command, ExecOptions } from '@edge-run/shared/host';
import { EdgeError } from '@edge-run/shared/kernel';

/** PATH of a host before anybody adds to it. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Linux takes no argument longer than 128 KiB; sshd hands the whole line to the login shell as one. */
const MAX_LINE_BYTES = 120_000;

/** What the scripts print on stderr, each on a line that begins with the key of the command. */
export const MARK = {
  started: 'started',
  leader: 'leader',
  noProgram: 'no-program',
  noDirectory: 'no-directory',
  end: 'end',
} as const;

/** How a command becomes the user it shall run as. */
export type Become =
  | { readonly kind: 'login' }
  | { readonly kind: 'su'; readonly user: string }
  /** `password`: sudo may ask for one, with the key as its prompt. */
  | { readonly kind: 'sudo'; readonly user: string; readonly password: boolean };

/** One word of POSIX sh. @throws EdgeError `EDGE_BAD_ARGUMENT` for a NUL, which no argument can hold */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'a NUL character cannot be part of a command',
      {},
      { hint: 'Pass it on stdin.' },
    );
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Lines of sh that become the command, in a defined environment, directory and umask. Says on stderr, marked by
 * `key`, when the program or the directory is missing. Works in dash, bash and busybox ash.
 */
export function commandScript(command: Command, { cwd, env = {} }: ExecOptions, key: string): string {
  const merged: Record<string, string | null> = { PATH: DEFAULT_PATH, LANG: 'C.UTF-8', ...env };
  const assignments = Object.entries(merged).flatMap(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `\`${name}\` cannot be the name of an environment variable`,
        { name },
        { hint: 'Use letters, digits and `_`.' },
      );
    }
    return value === null ? [] : [`${name}=${quote(value)}`];
  });
  const inherited = ['HOME', 'USER', 'LOGNAME', 'SHELL']
    .filter((name) => !(name in merged))
    .map((name) => `${name}="$${name}"`);
  const path = merged.PATH ?? DEFAULT_PATH;
  const [program, ...args] = command;
  // `env` would take a name with `=` in it for an assignment.
  const words = program.includes('=') ? ['sh', '-c', 'exec "$@"', 'sh', ...command] : [program, ...args];
  return [
    'umask 022',
    ...(cwd === undefined ? [] : [`cd ${quote(cwd)} 2>/dev/null || { echo ${key} ${MARK.noDirectory} >&2; exit 1; }`]),
    `: "\${HOME:=/}" "\${LOGNAME:=$(id -un)}" "\${USER:=$LOGNAME}" "\${SHELL:=/bin/sh}"`,
    `PATH=${quote(path)}; export PATH`,
    `command -v ${quote(program)} >/dev/null 2>&1 || { echo ${key} ${MARK.noProgram} >&2; exit 127; }`,
    `exec env -i ${[...inherited, ...assignments, ...words.map(quote)].join(' ')}`,
  ].join('\n');
}

/** The line that runs a script on a channel of its own, as the user asked for, and first says whom to kill. */
export function channelLine(script: string, become: Become, key: string): string {
  const inner = `echo ${key} ${MARK.started} $$ >&2\n${script}`;
  const line = becomeLine(inner, become, key);
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `a command of ${Buffer.byteLength(line)} bytes is too long for SSH`,
      { sizeBytes: Buffer.byteLength(line), maxBytes: MAX_LINE_BYTES },
      { hint: 'Pass long values on stdin, or write them to a file first.' },
    );
  }
  return line;
}

/** The line that starts a shell which reads its commands from stdin. */
export function sessionLine(become: Become, key: string): string {
  return become.kind === 'login' ? 'exec sh' : becomeLine(`echo ${key} ${MARK.started} $$ >&2; exec sh`, become, key);
}

function becomeLine(inner: string, become: Become, key: string): string {
  const shell = `sh -c ${quote(inner)}`;
  if (become.kind === 'login') return `exec ${shell}`;
  const leader = `echo ${key} ${MARK.leader} $$ >&2`;
  const user = quote(become.user);
  if (become.kind === 'su') return `exec sh -c ${quote(`${leader}; exec su -s /bin/sh ${user} -c ${quote(inner)}`)}`;
  const how = become.password ? `-S -k -p ${quote(passwordPrompt(key))}` : '-n';
  return `exec sh -c ${quote(`${leader}; exec sudo ${how} -H -u ${user} -- ${shell}`)}`;
}

/** What sudo prints when it wants the password. */
function passwordPrompt(key: string): string {
  return `${key} password:`;
}

/** One frame for a shell that reads from stdin: a subshell without input, then the key and the exit code. */
export function frame(script: string, key: string): string {
  return `(\n${script}\n) </dev/null\nprintf '\\n%s %d\\n' ${key} "$?"; echo ${key} ${MARK.end} >&2\n`;
}
