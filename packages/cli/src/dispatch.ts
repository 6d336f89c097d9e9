import type { Command } from 'commander';

/** Salt's runner modules: a first word such as `manage.status` calls the master and is never a target. */
const RUNNER_MODULES: ReadonlySet<string> = new Set([
  'cache',
  'cloud',
  'config',
  'doc',
  'error',
  'event',
  'fileserver',
  'http',
  'jobs',
  'lock',
  'manage',
  'match',
  'mine',
  'net',
  'nodegroups',
  'orch',
  'orchestrate',
  'pillar',
  'queue',
  'reactor',
  'roster',
  'salt',
  'saltutil',
  'schedule',
  'ssh',
  'state',
  'survey',
  'sys',
  'test',
  'wheel',
]);

/** Where the words of a command line go. */
export interface Dispatch {
  /** The line with `exec` or `runner` in front, where the short form was used. */
  readonly argv: readonly string[];
  /** How many words stood after `--`. */
  readonly literalWords: number;
  /** A first word that is neither command, target with function, nor runner. */
  readonly unknown?: string;
}

/**
 * Tells the short forms from commands: `edge-run '*' test.ping` is `exec`, `edge-run manage.status` is `runner`.
 * A target flag before the first word (`-G os:Debian test.ping`) always means `exec`.
 */
export function dispatch(argv: readonly string[], program: Command): Dispatch {
  const separator = argv.indexOf('--');
  const literalWords = separator < 0 ? 0 : argv.length - separator - 1;
  const exec = program.commands.find((command) => command.name() === 'exec')!;
  const { words, flags } = positionals(argv, [...program.options, ...exec.options]);
  const [first, second] = words;
  if (first === undefined) return { argv, literalWords };
  const globals = new Set(program.options.flatMap((option) => [option.short, option.long]));
  const hasExecFlag = flags.some((flag) => !globals.has(flag) && flag !== '-h' && flag !== '--help');
  if (!hasExecFlag && isCommand(program, first)) return { argv, literalWords };
  if (!hasExecFlag && isRunner(first)) return { argv: ['runner', ...argv], literalWords };
  if (second === undefined && !hasExecFlag) return { argv, literalWords, unknown: first };
  return { argv: ['exec', ...argv], literalWords };
}

function isCommand(program: Command, word: string): boolean {
  return (
    word === 'help' || program.commands.some((command) => command.name() === word || command.aliases().includes(word))
  );
}

function isRunner(word: string): boolean {
  const match = /^([a-z_]+)\.[a-z_]\w*$/.exec(word);
  return match !== null && RUNNER_MODULES.has(match[1]!);
}

/** The words that are no flags and no values of flags, and the flags before the first of them. */
export function positionals(
  argv: readonly string[],
  options: Command['options'],
): { readonly words: readonly string[]; readonly flags: readonly string[] } {
  const takesValue = new Set(
    options.filter((option) => option.required).flatMap((option) => [option.short, option.long]),
  );
  const words: string[] = [];
  const flags: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index]!;
    if (word === '--') return { words: [...words, ...argv.slice(index + 1)], flags };
    if (!word.startsWith('-') || word === '-') words.push(word);
    else {
      const flag = word.startsWith('--') ? word.split('=')[0]! : word.slice(0, 2);
      if (words.length === 0) flags.push(flag);
      if (takesValue.has(flag) && word === flag) index += 1;
    }
  }
  return { words, flags };
}
