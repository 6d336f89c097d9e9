import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { swapStats } from '../execution/mount.ts';
import {
  configArg,
  deviceArg,
  fstypeArg,
  matchOnArg,
  numberField,
  optsArg,
  pointArg,
} from '../execution/mount-arguments.ts';
import { mustRun, realPath, writeText } from '../operations/index.ts';
import {
  activeSwaps,
  deviceOf,
  deviceTag,
  type FstabEntry,
  type FstabKey,
  findFstab,
  fstabKey,
  mountNow,
  readFstab,
  removeFstab,
  setFstab,
} from '../providers/mount/index.ts';
import { unifiedDiff } from '../text/index.ts';

const mountByArg = z
  .enum(['device', 'label', 'uuid', 'partlabel', 'partuuid'])
  .nullish()
  .describe('How the device is to be written; as given where absent.');
const specArg = deviceArg.describe('Device, or UUID=…, LABEL=….');

/** Entries of fstab, and swap. */
export const fstabStates: readonly StateModule[] = [
  defineState({
    name: 'mount.swap',
    summary: 'Ensure a device or file is swapped to.',
    effect: 'repair',
    needs: ['swapon'],
    args: z.object({
      name: specArg,
      persist: z.boolean().default(true).describe('Have an entry in fstab.'),
      config: configArg,
    }),
    examples: [{ title: 'a file', args: { name: '/swapfile' } }],
    async check({ name, persist, config }, { host }) {
      const device = await deviceOf(host, name);
      if (device === undefined) return refused(`Unable to find device with ${name}.`);
      const real = await realPath(host, device);
      const isActive = (await activeSwaps(host)).has(real);
      const text = persist ? await readFstab(host, config) : undefined;
      if (persist && text === undefined) return refused(`the fstab ${config} was not found on ${host.id}`);
      const entry = { device: name, name: 'none', fstype: 'swap', opts: 'defaults', dump: '0', pass_num: '0' };
      const verdict = changesOf(
        isActive || {
          what: `Swap ${name} activated`,
          before: false,
          after: true,
          changes: { [real]: 'active' },
          async apply(ctx) {
            await mustRun(ctx.host, ['swapon', device], { env: { LC_ALL: 'C' } }, `Run 'mkswap ${device}' first.`);
            const stats = (await activeSwaps(ctx.host)).get(real);
            return stats === undefined ? undefined : { changes: swapStats(stats) };
          },
        },
        text === undefined || fstabChange(config, text, entry, fstabKey(entry, 'auto')),
      );
      return verdict.kind === 'in-sync' ? inSync(`Swap ${name} already active`) : verdict;
    },
  }),
  defineState({
    name: 'mount.fstab_present',
    summary: 'Ensure an entry is in fstab; a new one is mounted.',
    effect: 'repair',
    args: z.object({
      name: specArg,
      fs_file: pointArg,
      fs_vfstype: fstypeArg.describe('Type of the file system.'),
      fs_mntops: optsArg,
      fs_freq: numberField.prefault(0).describe('Whether dump takes it.'),
      fs_passno: numberField.prefault(0).describe('When it is checked at boot.'),
      mount_by: mountByArg,
      config: configArg,
      mount: z.boolean().default(true).describe('Mount an entry that is new.'),
      match_on: matchOnArg,
      not_change: z.boolean().default(false).describe('Leave an entry that is there as it is.'),
      fs_mount: z.boolean().default(true).describe('Accepted for Salt trees; a field of AIX.'),
    }),
    examples: [{ title: 'a disk by its label', args: { name: 'LABEL=srv', fs_file: '/srv', fs_vfstype: 'ext4' } }],
    async check(args, { host }) {
      const { name, fs_file, config, mount_by } = args;
      const device = typeof mount_by === 'string' ? await deviceTag(host, name, mount_by) : name;
      if (device === undefined) return refused(`Device ${name} cannot be converted to ${mount_by}`);
      const text = await readFstab(host, config);
      if (text === undefined) return refused(`Bad config file "${config}"`);
      const entry: FstabEntry = {
        ...{ device, name: fs_file, fstype: args.fs_vfstype, opts: args.fs_mntops.join(',') },
        ...{ dump: args.fs_freq, pass_num: args.fs_passno },
      };
      const key = fstabKey(entry, args.match_on);
      const found = findFstab(text, key);
      if (found !== undefined && args.not_change) return inSync(`${fs_file} entry was already in ${config}.`);
      const written = fstabChange(config, text, entry, key);
      if (written === true) return inSync(`${fs_file} entry was already in ${config}.`);
      if (found !== undefined || !args.mount) return changesOf(written);
      return changesOf({
        ...written,
        what: `${written.what}, and mounted`,
        async apply(ctx) {
          await written.apply(ctx);
          await mountNow(ctx.host, { name: fs_file, opts: [], mkmnt: false });
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'mount.fstab_absent',
    summary: 'Ensure an entry is not in fstab; what is mounted stays so.',
    effect: 'repair',
    args: z.object({ name: specArg, fs_file: pointArg, mount_by: mountByArg, config: configArg }),
    examples: [],
    async check({ name, fs_file, mount_by, config }, { host }) {
      const device = typeof mount_by === 'string' ? await deviceTag(host, name, mount_by) : name;
      if (device === undefined) return refused(`Device ${name} cannot be converted to ${mount_by}`);
      const text = (await readFstab(host, config)) ?? '';
      const change = fstabChange(config, text, undefined, { name: fs_file, device });
      if (change === true) return inSync(`${fs_file} entry is already missing in ${config}.`);
      return changesOf({ ...change, changes: { persist: 'removed' } });
    },
  }),
];

/** What has to be done for fstab to have the entry, or, where it is undefined, not to have what `key` finds. */
export function fstabChange(
  config: string,
  before: string,
  entry: FstabEntry | undefined,
  key: FstabKey,
): Change | true {
  const edit = (text: string): { outcome: string; text: string } =>
    entry === undefined ? { outcome: 'purged', text: removeFstab(text, key) } : setFstab(text, entry, key);
  const { outcome, text: after } = edit(before);
  if (after === before) return true;
  const name = entry?.name ?? key.name;
  const persist = outcome === 'change' ? 'update' : outcome;
  return {
    what: `${name}: ${{ new: 'written to', update: 'updated in', purged: 'removed from' }[persist]} ${config}`,
    before,
    after,
    changes: { persist },
    diff: unifiedDiff(before, after),
    async apply({ host }) {
      // Read again: an earlier change of this run may have been to the same file.
      const now = await readFstab(host, config);
      if (now === undefined)
        throw new EdgeError('EDGE_FILE_NOT_FOUND', `${config} is gone from ${host.id}`, { config });
      await writeText(host, config, edit(now).text);
      return undefined;
    },
  };
}
