/** One word of a command, as the shell passes it on. */
export interface Word {
  /** The word without its quotes; what the shell replaces when it runs stands here as written. */
  readonly text: string;
  /** True when nothing in it is replaced when the line runs: no variable, no substitution. */
  readonly isKnown: boolean;
  /** True when it holds an unquoted `*`, `?` or `[`: the shell makes file names of it. */
  readonly isPattern: boolean;
}

/** A redirection of one command. */
export interface Redirection {
  readonly operator: string;
  /** The file, or the descriptor behind `>&`. */
  readonly target: Word;
  /** The text a here-document or here-string gives to read. */
  readonly input?: Word;
}

/** A program or builtin with its words. */
export interface SimpleCommand {
  /** `NAME=value` words before it. */
  readonly assignments: readonly Word[];
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
  /** What stands before it. */
  readonly after: Separator;
  /** The command as it is written. */
  readonly source: string;
}

/** What separates a command from the one before it; `start` for the first of a list. */
export type Separator = 'start' | ';' | '&' | '&&' | '||' | '|' | 'newline';

/** What a line may be made of besides one command and its words, as rules name it. */
export const SHELL_CONSTRUCTS = [
  ';',
  '&',
  '&&',
  '||',
  '|',
  'newline',
  '$()',
  '`',
  '<()',
  '<',
  '>',
  '>>',
  '<<',
  '()',
  '{}',
  '{,}',
  'if',
  'for',
  'while',
  'case',
  '!',
  'function',
  '$name',
  '$(())',
  '~',
  'NAME=',
] as const;

/** One of {@link SHELL_CONSTRUCTS}. */
export type ShellConstruct = (typeof SHELL_CONSTRUCTS)[number];

/** Everything a shell line runs. */
export interface ShellScript {
  /** In order of appearance, those of subshells, substitutions, loops and functions included. */
  readonly commands: readonly SimpleCommand[];
  readonly constructs: ReadonlySet<ShellConstruct>;
}

/** A line no shell would take, or one with syntax that is not read here. */
export class ShellSyntaxError extends Error {
  /** Offset in the line. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A word that stands for itself. */
export function knownWord(text: string): Word {
  return { text, isKnown: true, isPattern: false };
}

/** A word nobody knows before it runs. */
export function unknownWord(text: string): Word {
  return { text, isKnown: false, isPattern: false };
}
