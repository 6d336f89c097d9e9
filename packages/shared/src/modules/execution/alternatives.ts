import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { changeGroup, currentChoice, displayText, findGroup, recordedLink } from '../providers/alternatives/index.ts';

const absolute = z.string().regex(/^\/[^\n\r]*$/, 'is not an absolute path');

/** Name of a group of alternatives. */
export const groupArg = z
  .string()
  .regex(/^[^-\s/][^\s/]*$/, 'is not the name of a group')
  .describe('Name of the group: `editor`.');

/** The link that all go through. */
export const linkArg = absolute.describe('The link: `/usr/bin/editor`.');

/** One of the alternatives. */
export const choiceArg = absolute.describe('One of the alternatives: `/usr/bin/vim`.');

/** What decides between alternatives. */
export const priorityArg = z.coerce.number().int().describe('The highest is taken where nobody has chosen.');

const PROGRAM_SAID = 'What the program said.';

/** Groups of alternatives, as `update-alternatives` keeps them. */
export const alternativesFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'alternatives.display',
    summary: 'Answer what is known of a group of alternatives, as text.',
    args: z.object({ name: groupArg }),
    returns: 'The text of `update-alternatives --display`, or why there is none.',
    examples: [{ title: 'the editors', args: { name: 'editor' } }],
    run: ({ name }, { host }) => displayText(host, name),
  }),
  defineRead({
    name: 'alternatives.show_link',
    summary: 'Answer the link of a group of alternatives.',
    args: z.object({ name: groupArg }),
    returns: 'A path; false when there is no such group.',
    examples: [],
    run: async ({ name }, { host }) => (await recordedLink(host, name)) ?? false,
  }),
  defineRead({
    name: 'alternatives.show_current',
    summary: 'Answer the alternative that is in use.',
    args: z.object({ name: groupArg }),
    returns: 'A path; false when there is no such group.',
    examples: [],
    run: async ({ name }, { host }) => (await currentChoice(host, name)) ?? false,
  }),
  defineRead({
    name: 'alternatives.check_exists',
    summary: 'Answer whether a path is one of the alternatives of a group.',
    args: z.object({ name: groupArg, path: choiceArg }),
    returns: 'True or false.',
    examples: [],
    run: async ({ name, path }, { host }) => (await findGroup(host, name))?.choices.has(path) ?? false,
  }),
  defineRead({
    name: 'alternatives.check_installed',
    summary: 'Answer whether an alternative is the one in use.',
    args: z.object({ name: groupArg, path: choiceArg }),
    returns: 'True or false.',
    examples: [],
    run: async ({ name, path }, { host }) => (await currentChoice(host, name)) === path,
  }),
  defineWrite({
    name: 'alternatives.install',
    summary: 'Add an alternative to a group, or change its priority.',
    args: z.object({ name: groupArg, link: linkArg, path: choiceArg, priority: priorityArg }),
    returns: PROGRAM_SAID,
    examples: [
      {
        title: 'an editor',
        args: { name: 'editor', link: '/usr/bin/editor', path: '/usr/bin/vim.basic', priority: 50 },
      },
    ],
    run: ({ name, link, path, priority }, { host }) =>
      changeGroup(host, '--install', link, name, path, String(priority)),
  }),
  defineWrite({
    name: 'alternatives.remove',
    summary: 'Remove an alternative from a group.',
    args: z.object({ name: groupArg, path: choiceArg }),
    returns: PROGRAM_SAID,
    examples: [],
    run: ({ name, path }, { host }) => changeGroup(host, '--remove', name, path),
  }),
  defineWrite({
    name: 'alternatives.auto',
    summary: 'Let priority decide between the alternatives of a group.',
    args: z.object({ name: groupArg }),
    returns: PROGRAM_SAID,
    examples: [],
    run: ({ name }, { host }) => changeGroup(host, '--auto', name),
  }),
  defineWrite({
    name: 'alternatives.set',
    summary: 'Choose an alternative of a group.',
    args: z.object({ name: groupArg, path: choiceArg }),
    returns: PROGRAM_SAID,
    examples: [{ title: 'an editor', args: { name: 'editor', path: '/usr/bin/vim.basic' } }],
    run: ({ name, path }, { host }) => changeGroup(host, '--set', name, path),
  }),
];
