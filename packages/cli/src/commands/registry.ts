import type { ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import type { Session } from '../session.ts';

/** Options of one command, as commander parsed them. */
export type Options = Readonly<Record<string, unknown>>;

/** Does the work of a command once its line is parsed; the result is the exit code. */
export type Handler = (session: Session, words: readonly Argument[], options: Options) => Promise<ExitCode>;

/** One argument as commander gives it: a word, the words of `[x...]`, or nothing. */
export type Argument = string | readonly string[] | undefined;

/** Binds handlers to commands; the one who parses the line decides what a session is. */
export type Register = (command: Command, handler: Handler) => Command;

/** The argument that is one word. */
export function wordAt(words: readonly Argument[], index: number): string {
  const word = words[index];
  return typeof word === 'string' ? word : '';
}

/** The argument that is a list of words. */
export function wordsAt(words: readonly Argument[], index: number): readonly string[] {
  const list = words[index];
  return Array.isArray(list) ? list : [];
}

/** A text option, when it was given. */
export function textOption<N extends string>(options: Options, name: N): { [key in N]?: string } {
  const value = options[name];
  return typeof value === 'string' ? ({ [name]: value } as { [key in N]?: string }) : {};
}
