import { z } from 'zod';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { choiceArg, groupArg, linkArg, priorityArg } from '../execution/alternatives.ts';
import { changeGroup, fallbackOf, findGroup } from '../providers/alternatives/index.ts';

const needs = ['update-alternatives'];

/** Groups of alternatives as they should be. */
export const alternativesStates: readonly StateModule[] = [
  defineState({
    name: 'alternatives.install',
    summary: 'Ensure a path is one of the alternatives of a group.',
    effect: 'repair',
    needs,
    args: z.object({ name: groupArg, link: linkArg, path: choiceArg, priority: priorityArg }),
    examples: [
      {
        title: 'an editor',
        args: { name: 'editor', link: '/usr/bin/editor', path: '/usr/bin/vim.basic', priority: 50 },
      },
    ],
    async check({ name, link, path, priority }, { host }) {
      const group = await findGroup(host, name);
      const now = group?.choices.get(path);
      const isLinked = group?.link === undefined || group.link === link;
      if (now === priority && isLinked) return inSync(`Alternative ${path} for ${name} is already registered`);
      return changesOf(
        running(['--install', link, name, path, String(priority)], {
          what: `Alternative for ${name} set to path ${path} with priority ${priority}`,
          before: now === undefined ? null : { link: group?.link, priority: now },
          after: { link, priority },
          changes: { name, link, path, priority },
        }),
      );
    },
  }),
  defineState({
    name: 'alternatives.remove',
    summary: 'Ensure a path is none of the alternatives of a group.',
    effect: 'repair',
    needs,
    args: z.object({ name: groupArg, path: choiceArg }),
    examples: [{ title: 'an old editor', args: { name: 'editor', path: '/opt/editor/bin/editor' } }],
    async check({ name, path }, { host }) {
      const group = await findGroup(host, name);
      if (group === undefined) return inSync(`Alternative for ${name} doesn't exist`);
      if (!group.choices.has(path)) return inSync(`${path} is no alternative for ${name}`);
      const next = fallbackOf(group, path);
      return changesOf(
        running(['--remove', name, path], {
          what: `Alternative for ${name} removed${next === undefined ? '' : `. Falling back to path ${next}`}`,
          before: path,
          after: null,
          changes: { path: next ?? null },
        }),
      );
    },
  }),
  defineState({
    name: 'alternatives.auto',
    summary: 'Ensure priority decides between the alternatives of a group.',
    effect: 'repair',
    needs,
    args: z.object({ name: groupArg }),
    examples: [],
    async check({ name }, { host }) {
      const group = await findGroup(host, name);
      if (group === undefined) return refused(`Alternative for ${name} doesn't exist`);
      if (group.mode === 'auto') return inSync(`${name} already in auto mode`);
      const what = `${name} put in auto mode`;
      return changesOf(running(['--auto', name], { what, before: 'manual', after: 'auto', changes: { result: what } }));
    },
  }),
  defineState({
    name: 'alternatives.set',
    summary: 'Ensure an alternative of a group is the one in use.',
    effect: 'repair',
    needs,
    args: z.object({ name: groupArg, path: choiceArg }),
    examples: [{ title: 'an editor', args: { name: 'editor', path: '/usr/bin/vim.basic' } }],
    async check({ name, path }, { host }) {
      const group = await findGroup(host, name);
      if (group?.current === path) return inSync(`Alternative for ${name} already set to ${path}`);
      if (group?.choices.has(path) !== true) return refused(`Alternative ${path} for ${name} doesn't exist`);
      return changesOf(
        running(['--set', name, path], {
          what: `Alternative for ${name} set to path ${path}`,
          before: group.current ?? null,
          after: path,
          changes: { path },
        }),
      );
    },
  }),
];

function running(words: readonly string[], change: Omit<Change, 'apply'>): Change {
  return {
    ...change,
    async apply({ host }) {
      await changeGroup(host, ...words);
      return undefined;
    },
  };
}
