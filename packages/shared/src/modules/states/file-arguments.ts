import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import type { FirstLook } from '../contract/index.ts';
import type { Ownership } from '../operations/index.ts';
import { parseMode } from '../text/index.ts';

/** The path a state is about. */
export const pathArg = z.string().describe('Absolute path.');

/** Permissions as trees write them. */
export const modeArg = z.union([z.string(), z.number()]);

/** User and group a path is to belong to. */
export const ownerArgs = {
  user: z.string().optional().describe('User it is to belong to; left alone when absent.'),
  group: z.string().optional().describe('Group it is to belong to; left alone when absent.'),
};

/** Making the directories above. */
export const makedirsArg = z.boolean().default(false).describe('Make the directories above that are missing.');

/** Whether diffs are shown. */
export const showChangesArg = z
  .boolean()
  .default(true)
  .describe('Show a diff; switch off where the content is private.');

/** Older name of `show_changes`. */
export const showDiffArg = z.boolean().default(true).describe('Older name of show_changes.');

/** What `file.managed` and `file.recurse` take for names of the template that stand beside the other arguments. */
export const variablesArg = anyValue()
  .optional()
  .describe('With template: arguments of other names are names for it, below those of `defaults` and `context`.');

/** Ending of a backup beside the file. */
export const backupArg = (fallback: string | false) =>
  z
    .union([z.string(), z.boolean()])
    .default(fallback)
    .describe('Keep the old file: an ending such as .bak puts it beside, `minion` into the agent’s backup directory.');

/** The ownership arguments of a state. */
export function ownershipOf(args: {
  user?: string | undefined;
  group?: string | undefined;
  mode?: string | number | undefined;
}): Ownership {
  return { user: args.user, group: args.group, mode: args.mode === undefined ? undefined : parseMode(args.mode) };
}

/** `firstLook` of a state that looks at its path, content and all, through symlinks. */
export function looksAtPath(name: string): FirstLook | undefined {
  return name.startsWith('/') ? { path: name, by: 'look' } : undefined;
}

/** `firstLook` of a state that asks what its path itself is. */
export function asksForPath(name: string): FirstLook | undefined {
  return name.startsWith('/') ? { path: name, by: 'stat' } : undefined;
}

/** A path without slashes at its end: with one, a symlink would be followed. */
export function bare(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}
