import type { Command, ExecOptions } from '@edge-run/shared/host';
import { EdgeError } from '@edge-run/shared/kernel';

/** PATH of a host before anybody adds to it. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the scripts print on stderr, each on a line that begins with the key of the command. */
export const MARK = {
  leader: 'leader',
  started: 'started',
  hello: 'hello',
  noProgram: 'no-program',
  noDirectory: 'no-directory',
  exit: 'exit',
  end: 'end',
} as const;

/** What stopped a command from starting, as the scripts report it. */
export type Obstacle = typeof MARK.noProgram | typeof MARK.noDirectory;

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

/** One word of whatever the login shell is. In csh even single quotes do not keep `!`. */
export function quoteForAnyShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll('!', "'\\!'")}'`;
}

/**
 * What every shell of ours does first, whatever the user's start-up files left behind: a defined environment and
 * umask, the true streams kept as 3 and 4, the given functions, and a word on both streams that all of it is done.
 * Everything before that word is noise of the login.
 */
export function preamble(key: string, functions: string): string {
  return `PATH=${DEFAULT_PATH}; export PATH
unset CDPATH ENV BASH_ENV IFS LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE
LOGNAME=$(id -un); USER=$LOGNAME; : "\${HOME:=/}" "\${SHELL:=/bin/sh}"
umask 022
exec 3>&1 4>&2
${functions}
echo "${key} ${MARK.hello} $$ $(id -u) $LOGNAME"; echo ${key} ${MARK.hello} >&4
`;
}

/** What commands of one host have that say nothing else. */
export interface CommandDefaults {
  /** `$PATH` in it is `DEFAULT_PATH`. */
  readonly path?: string;
  /** That of the shell when absent. */
  readonly umask?: number;
}

/**
 * Lines of sh that become the command, in a defined environment and directory. Says on stderr, marked by `key`, when
 * the program or the directory is missing. Works in dash, bash, ksh and busybox ash.
 */
export function commandScript(
  command: Command,
  { cwd, env = {} }: ExecOptions,
  key: string,
  { path: given = '$PATH', umask }: CommandDefaults = {},
): string {
  const usual = given.replaceAll('$PATH', DEFAULT_PATH);
  const merged: Record<string, string | null> = { PATH: usual, LANG: 'C.UTF-8', ...env };
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
  const path = merged.PATH ?? usual;
  const [program, ...args] = command;
  // `env` would take a name with `=` in it for an assignment.
  const words = program.includes('=') ? ['sh', '-c', 'exec "$@"', 'sh', ...command] : [program, ...args];
  return [
    ...(cwd === undefined ? [] : [`cd ${quote(cwd)} 2>/dev/null || { echo ${key} ${MARK.noDirectory} >&2; exit 1; }`]),
    ...(umask === undefined ? [] : [`umask ${umask.toString(8).padStart(3, '0')}`]),
    ...(path === DEFAULT_PATH ? [] : [`PATH=${quote(path)}`]),
    `command -v ${quote(program)} >/dev/null 2>&1 || { echo ${key} ${MARK.noProgram} >&2; exit 127; }`,
    `exec env -i ${[...inherited, ...assignments, ...words.map(quote)].join(' ')}`,
  ].join('\n');
}

/** How a framed command gets its input. */
export type FrameInput =
  | { readonly kind: 'none' }
  /** Small input, as part of the frame. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** What follows the frame on the shell's own stdin, up to its end: the last frame of a shell. */
  | { readonly kind: 'rest' };

/**
 * One command for a shell that reads from stdin. Its output goes through pipes of its own, which end with it: a process
 * it leaves in the background holds these, and can never write into what comes next. The exit code is told at once, the
 * end of each stream when nobody can write to it any more.
 */
export function commandFrame(script: string, key: string, input: FrameInput): string {
  // The shell's own remarks on a program that was killed are not the program's output.
  const body = `(\n${script}\n) ${input.kind === 'none' ? '</dev/null ' : ''}2>&5 3>&- 4>&- 5>&-`;
  const fed = input.kind === 'bytes' ? `${printed(input.bytes)} | ${body}` : body;
  const told = `{ ${fed}; echo ${key} ${MARK.exit} $? >&4; } 2>/dev/null`;
  const piped = `{ { ${told} 3>&- | cat >&3 4>&- 5>&-; printf '\\n%s\\n' ${key} >&3; } 5>&1 | cat >&4 3>&-; echo ${key} ${MARK.end} >&4; }`;
  if (input.kind !== 'rest') return `${piped}\n`;
  // A program that leaves some of its input unread must not have the rest read as commands.
  return `{ echo ${key} ${MARK.started} >&4; ${piped}; exit; }\n`;
}

/** A frame for scripts of our own that only look and start nothing that stays: half the price of a command's frame. */
export function lookFrame(script: string, key: string): string {
  return `(\n${script}\n) </dev/null\nprintf '\\n%s %d\\n' ${key} "$?"; echo ${key} ${MARK.end} >&2\n`;
}

/** A `printf` that prints exactly these bytes, in any shell: only plain characters stand for themselves. */
export function printed(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += PRINTED[byte];
  return `printf '${text}'`;
}

const PRINTED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (character === '%') return '%%';
  return /[\w .,:;/=+@#~"$&()<>[\]{}|*?!^`]/.test(character) && byte < 127
    ? character
    : `\\${byte.toString(8).padStart(3, '0')}`;
});

/** Ends the process groups of these leaders: asks first, insists after a second, and is done when they are gone. */
export function killScript(pids: readonly string[]): string {
  const all = pids.filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => [`-${pid}`, pid]);
  return `all='${all.join(' ')}'
there() { for p in $all; do kill -0 $p 2>/dev/null && return 0; done; return 1; }
for p in $all; do kill -TERM $p 2>/dev/null; done
n=0; while there && [ $n -lt 10 ]; do sleep 0.1 2>/dev/null || { sleep 1; n=10; }; n=$((n + 1)); done
for p in $all; do kill -KILL $p 2>/dev/null; done
:`;
}
