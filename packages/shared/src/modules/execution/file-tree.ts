import { dirname } from 'node:path/posix';
import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { defineWrite, type ExecutionModule } from '../contract/index.ts';
import { applyOwnership, makeDirectories, mustRun, requireAbsolute } from '../operations/index.ts';
import { parseMode } from '../text/index.ts';

const pathArg = z.string().describe('Absolute path.');
const modeArg = z.union([z.string(), z.number()]);
const userArg = z.string().optional().describe('User it is to belong to.');
const groupArg = z.string().optional().describe('Group it is to belong to.');

/** Functions that change which files there are, and whose. */
export const fileTreeFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'file.remove',
    summary: 'Remove a file or a whole directory; symlinks themselves, never what they point to.',
    args: z.object({ path: pathArg }),
    returns: 'True, or false when there was nothing.',
    examples: [{ title: 'an old release', args: { path: '/srv/app/releases/41' } }],
    async run({ path }, { host }) {
      requireAbsolute(path);
      if ((await host.stat(path)) === undefined) return false;
      await host.remove(path);
      return true;
    },
  }),
  defineWrite({
    name: 'file.mkdir',
    summary: 'Make a directory with its parents.',
    args: z.object({
      dir_path: pathArg,
      user: userArg,
      group: groupArg,
      mode: modeArg.optional().describe('Permissions, octal.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ dir_path, user, group, mode }, { host }) {
      requireAbsolute(dir_path);
      await makeDirectories(host, dir_path, { user, group, mode: mode === undefined ? undefined : parseMode(mode) });
      return true;
    },
  }),
  defineWrite({
    name: 'file.makedirs',
    summary: 'Make the directories above a path; the path itself too when it ends in a slash.',
    args: z.object({
      path: pathArg,
      user: userArg,
      group: groupArg,
      mode: modeArg.optional().describe('Permissions, octal.'),
    }),
    returns: 'None when made, a sentence when it was there.',
    examples: [],
    async run({ path, user, group, mode }, { host }) {
      requireAbsolute(path);
      const dir = path.endsWith('/') ? path.replace(/\/+$/, '') || '/' : dirname(path);
      if ((await host.stat(dir)) !== undefined) return `Directory '${dir}' already exists`;
      await makeDirectories(host, dir, { user, group, mode: mode === undefined ? undefined : parseMode(mode) });
      return null;
    },
  }),
  defineWrite({
    name: 'file.rmdir',
    summary: 'Remove an empty directory.',
    args: z.object({ path: pathArg }),
    returns: 'True.',
    examples: [],
    async run({ path }, { host }) {
      await mustRun(host, ['rmdir', '--', path]);
      return true;
    },
  }),
  defineWrite({
    name: 'file.symlink',
    summary: 'Make a symlink.',
    args: z.object({
      src: z.string().describe('What it points to.'),
      path: z.string().describe('Absolute path of the link.'),
      force: z.boolean().default(false).describe('Replace what is at the path.'),
    }),
    returns: 'True.',
    examples: [{ title: 'the current release', args: { src: '/srv/app/releases/42', path: '/srv/app/current' } }],
    async run({ src, path, force }, { host }) {
      requireAbsolute(path);
      const found = await host.stat(path);
      if (found?.kind === 'symlink' && found.linkTarget === src) return true;
      if (found !== undefined && !force)
        throw new EdgeError(
          'EDGE_BAD_ARGUMENT',
          `${path} exists on ${host.id}`,
          { path },
          { hint: 'Add force=True to replace it.' },
        );
      await host.remove(path);
      await mustRun(host, ['ln', '-s', '--', src, path]);
      return true;
    },
  }),
  defineWrite({
    name: 'file.link',
    summary: 'Make a second name (a hard link) for a file.',
    args: z.object({ src: z.string().describe('The file.'), path: z.string().describe('Its further name.') }),
    returns: 'True.',
    examples: [],
    async run({ src, path }, { host }) {
      await mustRun(host, ['ln', '--', src, path]);
      return true;
    },
  }),
  defineWrite({
    name: 'file.copy',
    summary: 'Copy a file, or a directory with recurse, on the host.',
    args: z.object({
      src: z.string().describe('What is copied.'),
      dst: z.string().describe('Absolute path of the copy.'),
      recurse: z.boolean().default(false).describe('Copy a directory with everything in it.'),
      remove_existing: z.boolean().default(false).describe('Remove what is at the destination first.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ src, dst, recurse, remove_existing }, { host }) {
      requireAbsolute(dst);
      if (remove_existing) await host.remove(dst);
      await mustRun(
        host,
        recurse ? ['cp', '-pR', '--', `${src.replace(/\/+$/, '')}/.`, dst] : ['cp', '-p', '--', src, dst],
      );
      return true;
    },
  }),
  ...(['file.rename', 'file.move'] as const).map((name) =>
    defineWrite({
      name,
      summary: 'Give a path another name.',
      args: z.object({ src: z.string().describe('The path.'), dst: z.string().describe('Its new name.') }),
      returns: 'True.',
      examples: [],
      async run({ src, dst }, { host }) {
        requireAbsolute(src);
        requireAbsolute(dst);
        await mustRun(host, ['mv', '--', src, dst]);
        return true;
      },
    }),
  ),
  defineWrite({
    name: 'file.touch',
    summary: 'Make an empty file, or set the times of one.',
    args: z.object({
      name: pathArg,
      atime: z.coerce.number().optional().describe('Time of last access, seconds since the epoch; now where absent.'),
      mtime: z.coerce.number().optional().describe('Time of last change, seconds since the epoch; now where absent.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ name, atime, mtime }, { host }) {
      requireAbsolute(name);
      await mustRun(host, ['touch', '--', name]);
      if (atime !== undefined) await mustRun(host, ['touch', '-a', '-d', `@${atime}`, '--', name]);
      if (mtime !== undefined) await mustRun(host, ['touch', '-m', '-d', `@${mtime}`, '--', name]);
      return true;
    },
  }),
  defineWrite({
    name: 'file.set_mode',
    summary: 'Set the permissions of a path.',
    args: z.object({ path: pathArg, mode: modeArg.describe('Permissions, octal.') }),
    returns: 'The permissions.',
    examples: [],
    async run({ path, mode }, { host }) {
      await applyOwnership(host, path, { mode: parseMode(mode) });
      return String(mode);
    },
  }),
  defineWrite({
    name: 'file.chown',
    summary: 'Set user and group of a path.',
    args: z.object({ path: pathArg, user: z.string().describe('User.'), group: z.string().describe('Group.') }),
    returns: 'None.',
    examples: [],
    async run({ path, user, group }, { host }) {
      await applyOwnership(host, path, { user: user || undefined, group: group || undefined });
      return null;
    },
  }),
  defineWrite({
    name: 'file.chgrp',
    summary: 'Set the group of a path.',
    args: z.object({ path: pathArg, group: z.string().describe('Group.') }),
    returns: 'None.',
    examples: [],
    async run({ path, group }, { host }) {
      await applyOwnership(host, path, { group });
      return null;
    },
  }),
];
