/** How the words of a program that runs another one are read. */
export interface Wrapper {
  /** Short options that take a value, each a letter. */
  readonly valued?: string;
  /** Long options that take a value as a word of its own. */
  readonly longValued?: readonly string[];
  /** Words between the options and the command. */
  readonly operands?: number;
  /** `NAME=value` words may stand before the command. */
  readonly assigns?: boolean;
  /** Options whose value is a line for a shell; the words behind the operands are one where `line` is `rest`. */
  readonly lineOptions?: readonly string[];
  readonly line?: 'rest' | 'first';
  /** Options that only ask something: nothing is run. */
  readonly asks?: readonly string[];
  /** Further words, which nobody knows, are added to the command. */
  readonly addsWords?: boolean;
  /** Options that name the folder the command runs in. */
  readonly folder?: readonly string[];
}

/** Programs and builtins that run what their arguments name. */
export const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  [
    'sudo',
    {
      valued: 'CDghpRrTtUu',
      longValued: [
        '--close-from',
        '--group',
        '--host',
        '--prompt',
        '--role',
        '--type',
        '--user',
        '--chdir',
        '--chroot',
      ],
      assigns: true,
      asks: ['-l', '-v', '-V', '-K', '--list', '--validate', '--version'],
      folder: ['-D', '--chdir'],
    },
  ],
  ['doas', { valued: 'Cu', asks: ['-L'] }],
  ['su', {}],
  ['runuser', { valued: 'cgGsuw', longValued: ['--command', '--shell', '--user'], lineOptions: ['-c', '--command'] }],
  [
    'env',
    {
      valued: 'uCS',
      longValued: ['--unset', '--chdir', '--split-string'],
      assigns: true,
      lineOptions: ['-S', '--split-string'],
      folder: ['-C', '--chdir'],
    },
  ],
  ['nice', { valued: 'n', longValued: ['--adjustment'] }],
  ['ionice', { valued: 'cnpPu', longValued: ['--class', '--classdata'] }],
  ['chrt', { valued: 'TPDp', operands: 1 }],
  ['taskset', { operands: 1 }],
  ['nohup', {}],
  ['setsid', {}],
  ['stdbuf', { valued: 'ioe', longValued: ['--input', '--output', '--error'] }],
  ['timeout', { valued: 'ks', longValued: ['--kill-after', '--signal'], operands: 1 }],
  ['time', { valued: 'fo', longValued: ['--format', '--output'] }],
  ['coproc', {}],
  ['command', { asks: ['-v', '-V'] }],
  ['builtin', {}],
  ['exec', { valued: 'a' }],
  ['busybox', { asks: ['--list', '--help'] }],
  ['toybox', {}],
  ['chroot', { longValued: ['--groups', '--userspec'], operands: 1 }],
  ['unshare', { valued: 'GSR', longValued: ['--root', '--wd'] }],
  ['nsenter', { valued: 'tSGrw', longValued: ['--target'] }],
  [
    'systemd-run',
    { valued: 'EHMpu', longValued: ['--unit', '--property', '--description', '--slice', '--uid', '--gid'] },
  ],
  ['flock', { valued: 'wEc', longValued: ['--timeout', '--command'], operands: 1, lineOptions: ['-c', '--command'] }],
  ['script', { valued: 'cEIOBTm', longValued: ['--command'], lineOptions: ['-c', '--command'], operands: 1 }],
  ['watch', { valued: 'nq', longValued: ['--interval'], line: 'rest' }],
  ['eval', { line: 'rest' }],
  ['trap', { asks: ['-l', '-p'], line: 'first' }],
  [
    'xargs',
    {
      valued: 'adEIiLlnPs',
      longValued: ['--arg-file', '--delimiter', '--max-args', '--max-lines', '--max-procs', '--replace', '--max-chars'],
      addsWords: true,
    },
  ],
  ['parallel', { valued: 'jIN', addsWords: true }],
]);

/** Programs that read a script as `sh` does. */
export const SHELLS: ReadonlySet<string> = new Set([
  'sh',
  'bash',
  'dash',
  'ash',
  'ksh',
  'ksh93',
  'mksh',
  'zsh',
  'rbash',
]);

/** Folders the programs of a system are in: `/usr/bin/ls` is `ls`. */
const PROGRAM_FOLDERS = /^(?:\/usr(?:\/local)?)?\/s?bin\/([^/]+)$/;

/** `ls` for `ls` and `/bin/ls`; a program anywhere else keeps its path. */
export function programName(word: string): string {
  return PROGRAM_FOLDERS.exec(word)?.[1] ?? word;
}

/** The last part of a path: what a program is called wherever it lies. */
export function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}
