import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustRun, realPath, writeText } from '../operations/index.ts';
import {
  type ActiveSwap,
  activeMounts,
  activeSwaps,
  fstabKey,
  mountNow,
  mountOf,
  parseFstab,
  readFstab,
  remountNow,
  removeFstab,
  setFstab,
  unmountNow,
} from '../providers/mount/index.ts';
import {
  configArg,
  deviceArg,
  fstypeArg,
  matchOnArg,
  mountUserArg,
  numberField,
  optsArg,
  pointArg,
} from './mount-arguments.ts';

const utilArg = z.enum(['mount']).default('mount').describe('Accepted for Salt trees; only mount is known.');
const mountArgs = z.object({
  name: pointArg,
  device: z
    .union([z.literal(false), deviceArg])
    .nullish()
    .describe('Device; that of fstab where absent.'),
  mkmnt: z.boolean().default(false).describe('Make the directory when it is missing.'),
  fstype: z
    .union([z.literal(''), fstypeArg])
    .default('')
    .describe('Type of the file system.'),
  opts: optsArg,
  user: mountUserArg,
  util: utilArg,
});

/** Mounted file systems, fstab and swap of Linux hosts. */
export const mountFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'mount.active',
    summary: 'Answer what is mounted.',
    args: z.object({ extended: z.boolean().default(false).describe('Answer everything the kernel tells.') }),
    returns: 'A mapping of mount points to device, fstype and opts; extended also root, numbers and superopts.',
    examples: [],
    async run({ extended }, { host }) {
      const mounts = [...(await activeMounts(host)).values()];
      const show = (mount: (typeof mounts)[number]): object => {
        const { device, fstype, opts, superopts, root, mountId, parentId, deviceNumber } = mount;
        if (!extended) return { device, alt_device: device, fstype, opts: [...new Set([...opts, ...superopts])] };
        const [major, minor] = deviceNumber.split(':');
        const numbers = { mountid: String(mountId), parentid: String(parentId), major, minor };
        return { ...numbers, root, opts, fstype, device, alt_device: device, superopts };
      };
      return Object.fromEntries(mounts.map((mount) => [mount.name, show(mount)]));
    },
  }),
  defineRead({
    name: 'mount.is_mounted',
    summary: 'Tell whether something is mounted on a directory.',
    args: z.object({ name: pointArg }),
    returns: 'True or false.',
    examples: [],
    run: async ({ name }, { host }) => (await activeMounts(host)).has(await realPath(host, name)),
  }),
  ...(['mount', 'device'] as const).map((what) =>
    defineRead({
      name: `mount.get_${what}_from_path`,
      summary: what === 'mount' ? 'Answer the mount point a path lies on.' : 'Answer the device a path lies on.',
      args: z.object({ path: z.string().describe('Absolute path.') }),
      returns: what === 'mount' ? 'A directory.' : 'A device, as mounted.',
      examples: [],
      async run({ path }, { host }) {
        const found = mountOf(await activeMounts(host), await realPath(host, path));
        return (what === 'mount' ? found?.name : found?.device) ?? null;
      },
    }),
  ),
  defineRead({
    name: 'mount.fstab',
    summary: 'Answer the entries of fstab.',
    args: z.object({ config: configArg }),
    returns: 'A mapping of mount points to device, fstype, opts, dump and pass; a second `none` is `none_`.',
    examples: [],
    async run({ config }, { host }) {
      const answer: Record<string, object> = {};
      for (const { entry } of parseFstab((await readFstab(host, config)) ?? '')) {
        if (entry === undefined) continue;
        const { device, fstype, opts, dump, pass_num } = entry;
        let { name } = entry;
        while (name in answer) name += '_';
        answer[name] = { device, fstype, opts: opts.split(','), dump, pass: pass_num };
      }
      return answer;
    },
  }),
  defineWrite({
    name: 'mount.set_fstab',
    summary: 'Make an entry of fstab be as given.',
    args: z.object({
      name: pointArg,
      device: deviceArg,
      fstype: fstypeArg.describe('Type of the file system.'),
      opts: optsArg,
      dump: numberField.prefault(0).describe('Whether dump takes it.'),
      pass_num: numberField.prefault(0).describe('When it is checked at boot.'),
      config: configArg,
      test: z.boolean().default(false).describe('Only tell what would be done.'),
      match_on: matchOnArg,
      not_change: z.boolean().default(false).describe('Leave an entry that is there as it is.'),
    }),
    returns: '`new`, `change` or `present`.',
    examples: [{ title: 'a disk', args: { name: '/srv', device: 'LABEL=srv', fstype: 'ext4' } }],
    async run({ config, test, match_on, not_change, opts, ...rest }, { host }) {
      const before = await readFstab(host, config);
      if (before === undefined)
        throw new EdgeError(
          'EDGE_BAD_ARGUMENT',
          `Bad config file "${config}"`,
          { config },
          {
            hint: 'Make the file first, or name the one there is.',
          },
        );
      const entry = { ...rest, opts: opts.join(',') };
      const { outcome, text } = setFstab(before, entry, fstabKey(entry, match_on), { keepOther: not_change });
      if (text !== before && !test) await writeText(host, config, text);
      return outcome;
    },
  }),
  defineWrite({
    name: 'mount.rm_fstab',
    summary: 'Remove a mount point from fstab.',
    args: z.object({
      name: pointArg,
      device: deviceArg.nullish().describe('Only the entry with this device.'),
      config: configArg,
    }),
    returns: 'True.',
    examples: [],
    async run({ name, device, config }, { host }) {
      const before = (await readFstab(host, config)) ?? '';
      const after = removeFstab(before, { name, ...(typeof device === 'string' ? { device } : {}) });
      if (after !== before) await writeText(host, config, after);
      return true;
    },
  }),
  ...(['mount', 'remount'] as const).map((verb) =>
    defineWrite({
      name: `mount.${verb}`,
      summary: verb === 'mount' ? 'Mount a device.' : 'Mount a device with other options, in place.',
      args: mountArgs,
      returns: 'True.',
      examples: [],
      async run({ device, user, ...rest }, { host }) {
        const request = { ...rest, device: device || undefined, user: user ?? undefined };
        await (verb === 'mount' ? mountNow : remountNow)(host, request);
        return true;
      },
    }),
  ),
  defineWrite({
    name: 'mount.umount',
    summary: 'Unmount what is mounted on a directory.',
    args: z.object({
      name: pointArg,
      device: deviceArg.nullish().describe('Unmount this device instead, wherever it is mounted.'),
      user: mountUserArg,
      util: utilArg,
      lazy: z.boolean().default(false).describe('Free the place at once, also when it is in use.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ name, device, user, lazy }, { host }) {
      if (!(await activeMounts(host)).has(await realPath(host, name)))
        throw new EdgeError(
          'EDGE_BAD_ARGUMENT',
          `${name} does not have anything mounted`,
          { name },
          {
            hint: 'mount.active shows what is mounted.',
          },
        );
      await unmountNow(host, device ?? name, { lazy, user: user ?? undefined });
      return true;
    },
  }),
  defineRead({
    name: 'mount.is_fuse_exec',
    summary: 'Tell whether a program mounts file systems by FUSE.',
    args: z.object({ cmd: z.string().describe('Name or path of the program.') }),
    returns: 'True or false.',
    examples: [],
    async run({ cmd }, { host }) {
      const found = await host.probe(['sh', '-c', 'command -v "$1"', 'sh', cmd]);
      if (found.exitCode !== 0) return false;
      return (await host.probe(['ldd', found.stdout.trim()])).stdout.includes('libfuse');
    },
  }),
  defineRead({
    name: 'mount.swaps',
    summary: 'Answer what is swapped to.',
    args: z.object({}),
    returns: 'A mapping of devices and files to type, size and used (kibibytes) and priority.',
    examples: [],
    run: async (_, { host }) =>
      Object.fromEntries([...(await activeSwaps(host)).values()].map((swap) => [swap.name, swapStats(swap)])),
  }),
  defineWrite({
    name: 'mount.swapon',
    summary: 'Swap to a device or file.',
    args: z.object({
      name: deviceArg,
      priority: z.coerce.number().int().min(-1).max(32767).optional().describe('Higher ones are used first.'),
    }),
    returns: 'A mapping of `stats` and whether it is `new`.',
    examples: [],
    async run({ name, priority }, { host }) {
      const before = (await activeSwaps(host)).get(name);
      if (before !== undefined) return { stats: swapStats(before), new: false };
      await mustRun(host, ['swapon', ...(priority === undefined ? [] : ['-p', String(priority)]), name]);
      const after = (await activeSwaps(host)).get(await realPath(host, name));
      return after === undefined ? {} : { stats: swapStats(after), new: true };
    },
  }),
  defineWrite({
    name: 'mount.swapoff',
    summary: 'Swap to a device or file no more.',
    args: z.object({ name: deviceArg }),
    returns: 'True; nothing when it was not in use.',
    examples: [],
    async run({ name }, { host }) {
      if (!(await activeSwaps(host)).has(name)) return null;
      await mustRun(host, ['swapoff', name]);
      return !(await activeSwaps(host)).has(name);
    },
  }),
];

/** A swap as Salt shows it. */
export function swapStats({ type, size, used, priority }: ActiveSwap): object {
  return { type, size, used, priority };
}
