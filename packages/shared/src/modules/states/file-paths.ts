import { basename, dirname } from 'node:path/posix';
import { z } from 'zod';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
} from '../contract/index.ts';
import { applyOwnership, isDirectory, makeDirectories, mustRun } from '../operations/index.ts';
import { asksForPath, bare, makedirsArg, modeArg, ownerArgs, ownershipOf, pathArg } from './file-arguments.ts';
import { ownershipChange } from './file-content.ts';

const forceArg = z.boolean().default(false).describe('Replace what is there.');
const relative = (name: string): string => `Specified file ${name} is not an absolute path`;

/** States about which paths there are. */
export const filePathStates: readonly StateModule[] = [
  defineState({
    name: 'file.absent',
    summary: 'Ensure a path does not exist; a directory goes with everything in it.',
    effect: 'repair',
    args: z.object({ name: pathArg }),
    examples: [{ title: 'an old release', args: { name: '/srv/app/releases/41' } }],
    firstLook: (name) => asksForPath(bare(name)),
    async check({ name }, { host }) {
      if (!name.startsWith('/')) return refused(relative(name));
      if (name.replaceAll('/', '') === '') return refused('Refusing to make "/" absent');
      const found = await host.stat(bare(name));
      if (found === undefined) return inSync(`File ${name} is not present`);
      return changesOf(removal(name, found.kind));
    },
  }),
  defineState({
    name: 'file.exists',
    summary: 'Fail unless a path exists.',
    effect: 'repair',
    args: z.object({ name: pathArg }),
    examples: [],
    firstLook: asksForPath,
    check: async ({ name }, { host }) =>
      (await host.stat(name)) === undefined
        ? refused(`Specified path ${name} does not exist`)
        : inSync(`Path ${name} exists`),
  }),
  defineState({
    name: 'file.missing',
    summary: 'Fail if a path exists.',
    effect: 'repair',
    args: z.object({ name: pathArg }),
    examples: [],
    firstLook: asksForPath,
    check: async ({ name }, { host }) =>
      (await host.stat(name)) === undefined
        ? inSync(`Path ${name} is missing`)
        : refused(`Specified path ${name} exists`),
  }),
  defineState({
    name: 'file.symlink',
    summary: 'Ensure a path is a symlink to another.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      target: z.string().describe('What it points to.'),
      force: z.boolean().default(false).describe('Replace a file or directory that is there.'),
      backupname: z.string().optional().describe('With force: rename what is there to this instead of removing it.'),
      makedirs: makedirsArg,
      ...ownerArgs,
    }),
    examples: [{ title: 'the current release', args: { name: '/srv/app/current', target: '/srv/app/releases/42' } }],
    firstLook: asksForPath,
    async check(args, { host }) {
      const { name, target, force, backupname } = args;
      if (!name.startsWith('/')) return refused(relative(name));
      const found = await host.stat(name);
      const wanted = ownershipOf(args);
      if (found?.kind === 'symlink' && found.linkTarget === target)
        return changesOf(ownershipChange(name, found, wanted, applying(name, wanted)));
      if (found !== undefined && found.kind !== 'symlink' && !force && backupname === undefined)
        return refused(
          `${found.kind === 'directory' ? 'Directory' : 'File'} exists where the symlink ${name} should be`,
        );
      return changesOf({
        what: `symlink ${name}: to ${target}`,
        before: found?.linkTarget ?? found?.kind ?? null,
        after: target,
        changes: found?.kind === 'symlink' ? { change: `${found.linkTarget} -> ${target}` } : { new: name },
        async apply({ host: writer }) {
          if (args.makedirs) await makeDirectories(writer, dirname(name), wanted);
          if (backupname !== undefined && found !== undefined && found.kind !== 'symlink')
            await mustRun(writer, [
              'mv',
              '--',
              name,
              backupname.startsWith('/') ? backupname : `${dirname(name)}/${backupname}`,
            ]);
          else if (found !== undefined && found.kind !== 'symlink') await writer.remove(name);
          // Linked beside and renamed over: at no moment is there no link.
          const beside = `${dirname(name)}/.${basename(name)}.edge-link`;
          await writer.remove(beside);
          await mustRun(writer, ['ln', '-s', '--', target, beside]);
          await mustRun(writer, ['mv', '-T', '-f', '--', beside, name]);
          await applyOwnership(writer, name, wanted);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'file.touch',
    summary: 'Make an empty file, or set the times of one.',
    effect: 'action',
    args: z.object({
      name: pathArg,
      atime: z.coerce.number().optional().describe('Time of last access, seconds since the epoch.'),
      mtime: z.coerce.number().optional().describe('Time of last change, seconds since the epoch.'),
      makedirs: makedirsArg,
    }),
    examples: [],
    async check({ name, atime, mtime, makedirs }, { host }) {
      if (!name.startsWith('/')) return refused(relative(name));
      const found = await host.stat(name);
      return changesOf({
        what: `file ${name}: ${found === undefined ? 'created empty' : 'touched'}`,
        before: found === undefined ? null : 'there',
        after: 'touched',
        changes: found === undefined ? { new: name } : { touched: name },
        async apply({ host: writer }) {
          if (makedirs) await makeDirectories(writer, dirname(name));
          await mustRun(
            writer,
            ['touch', '--', name],
            {},
            'Add makedirs: True when the directory above may be missing.',
          );
          if (atime !== undefined) await mustRun(writer, ['touch', '-a', '-d', `@${atime}`, '--', name]);
          if (mtime !== undefined) await mustRun(writer, ['touch', '-m', '-d', `@${mtime}`, '--', name]);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'file.copy',
    summary: 'Ensure a path is there, copied from another on the same host.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      source: z.string().describe('Path on the host.'),
      force: forceArg,
      makedirs: makedirsArg,
      preserve: z.boolean().default(false).describe('Keep owner, permissions and times of the source.'),
      ...ownerArgs,
      mode: modeArg.optional().describe('Permissions, octal, in quotes.'),
      subdir: z.boolean().default(false).describe('When the path is a directory, copy into it.'),
    }),
    examples: [],
    async check(args, ctx) {
      const { host } = ctx;
      if (!args.name.startsWith('/')) return refused(relative(args.name));
      const name =
        args.subdir && (await isDirectory(host, args.name)) ? `${args.name}/${basename(args.source)}` : args.name;
      const source = await host.stat(args.source);
      if (source === undefined) return refused(`Source file "${args.source}" is not present`);
      const found = await host.stat(name);
      if (found !== undefined && !args.force)
        return inSync(`The target file "${name}" exists and will not be overwritten`);
      if (found !== undefined && (await sameContent(ctx, args.source, name)))
        return inSync(`The target file "${name}" is the same`);
      const wanted = ownershipOf(args);
      return changesOf({
        what: `file ${name}: copied from ${args.source}`,
        before: found?.kind ?? null,
        after: args.source,
        changes: { [name]: args.source },
        async apply({ host: writer }) {
          if (args.makedirs) await makeDirectories(writer, dirname(name));
          if (found !== undefined) await writer.remove(name);
          await mustRun(
            writer,
            ['cp', args.preserve ? '-pR' : '-R', '--', args.source, name],
            {},
            'Add makedirs: True when the directory above may be missing.',
          );
          await applyOwnership(writer, name, wanted);
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'file.rename',
    summary: 'Rename a path, if it is there, to another.',
    effect: 'repair',
    args: z.object({
      name: pathArg,
      source: z.string().describe('The path as it is now.'),
      force: forceArg,
      makedirs: makedirsArg,
    }),
    examples: [],
    async check({ name, source, force, makedirs }, { host }) {
      if (!name.startsWith('/') || !source.startsWith('/'))
        return refused(relative(name.startsWith('/') ? source : name));
      if ((await host.stat(source)) === undefined)
        return inSync(`Source file "${source}" has already been moved out of place`);
      const found = await host.stat(name);
      if (found !== undefined && !force) return refused(`The target file "${name}" exists and will not be overwritten`);
      return changesOf({
        what: `${source}: renamed to ${name}`,
        before: source,
        after: name,
        changes: { [name]: source },
        async apply({ host: writer }) {
          if (makedirs) await makeDirectories(writer, dirname(name));
          if (found !== undefined) await writer.remove(name);
          await mustRun(
            writer,
            ['mv', '--', source, name],
            {},
            'Add makedirs: True when the directory above may be missing.',
          );
          return undefined;
        },
      });
    },
  }),
];

function removal(name: string, kind: string): Change {
  return {
    what: `${name}: absent`,
    before: kind,
    after: null,
    changes: { removed: name },
    async apply({ host }) {
      await host.remove(name);
      return undefined;
    },
  };
}

function applying(path: string, wanted: Parameters<typeof applyOwnership>[2]): Change['apply'] {
  return async ({ host }) => {
    await applyOwnership(host, path, wanted);
    return undefined;
  };
}

async function sameContent({ host }: ModuleContext, a: string, b: string): Promise<boolean> {
  return (await host.probe(['diff', '-rq', '--', a, b])).exitCode === 0;
}
