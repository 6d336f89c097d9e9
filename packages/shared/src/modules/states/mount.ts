import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import {
  configArg,
  deviceArg,
  fstypeArg,
  matchOnArg,
  mountUserArg,
  numberField,
  optsArg,
  pointArg,
} from '../execution/mount-arguments.ts';
import { makeDirectories, realPath } from '../operations/index.ts';
import { listGroups, listUsers } from '../providers/accounts.ts';
import {
  type ActiveMount,
  activeMounts,
  deviceNames,
  deviceOf,
  type FstabKey,
  findFstab,
  fstabKey,
  isBoundTo,
  mountNow,
  optionDrift,
  readFstab,
  remountNow,
  unmountNow,
} from '../providers/mount/index.ts';
import { pythonRegex } from '../text/index.ts';
import { fstabChange, fstabStates } from './mount-fstab.ts';

const textList = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((list) => (typeof list === 'string' ? list.split(',') : (list ?? [])));

const mountedArgs = z.object({
  name: pointArg,
  device: deviceArg,
  fstype: fstypeArg.describe('Type of the file system; `none` for a bind mount.'),
  mkmnt: z.boolean().default(false).describe('Make the directory when it is missing.'),
  opts: optsArg,
  dump: numberField.prefault(0).describe('Whether dump takes it.'),
  pass_num: numberField.prefault(0).describe('When it is checked at boot.'),
  config: configArg,
  persist: z.boolean().default(true).describe('Have an entry in fstab.'),
  mount: z.boolean().default(true).describe('Have it mounted now.'),
  user: mountUserArg,
  match_on: matchOnArg,
  device_name_regex: textList.describe('Other devices that are as good when one of them is mounted: expressions.'),
  extra_mount_invisible_options: textList.describe('Options that the kernel does not show.'),
  extra_mount_invisible_keys: textList.describe('Keys (`key=value`) that the kernel does not show.'),
  extra_mount_ignore_fs_keys: anyValue().optional().describe('Type → keys for which it is not mounted again.'),
  extra_mount_translate_options: anyValue().optional().describe('Option → how the kernel shows it.'),
  hidden_opts: textList.describe('Options for which it is not mounted again.'),
  bind_mount_copy_active_opts: z
    .boolean()
    .default(true)
    .describe('Accepted for Salt trees; an entry of fstab never gets options that nobody wrote.'),
});
type Mounted = z.output<typeof mountedArgs>;

/** Mounted file systems, entries of fstab and swap as they should be. */
export const mountStates: readonly StateModule[] = [
  defineState({
    name: 'mount.mounted',
    summary: 'Ensure a device is mounted, and mounted again at boot.',
    effect: 'repair',
    needs: ['mount', 'umount'],
    args: mountedArgs,
    examples: [
      { title: 'a disk', args: { name: '/srv', device: 'LABEL=srv', fstype: 'ext4', opts: 'noatime', mkmnt: true } },
      { title: 'a bind mount', args: { name: '/var/lib/app', device: '/srv/app', fstype: 'none', opts: ['bind'] } },
    ],
    async check(args, { host }) {
      const text = args.persist ? await readFstab(host, args.config) : undefined;
      if (args.persist && text === undefined) return refused(`the fstab ${args.config} was not found on ${host.id}`);
      const entry = { ...args, opts: args.opts.join(',') };
      const key = fstabKey(entry, args.match_on);
      const here = args.mount ? await mountChange(host, args, text, key) : await directoryChange(host, args);
      if (here !== true && 'kind' in here) return here;
      const persistence = text === undefined || fstabChange(args.config, text, entry, key);
      const verdict = changesOf(here, persistence);
      const comment = args.mount ? 'Target was already mounted' : `${args.name} not mounted`;
      return verdict.kind === 'in-sync'
        ? inSync(args.persist ? `${comment}. Entry already exists in the fstab.` : comment)
        : verdict;
    },
    onWatch: (args) =>
      Promise.resolve(
        changesOf({
          what: `${args.name} remounted`,
          before: null,
          after: args.opts,
          changes: { umount: `${args.name} remounted` },
          async apply({ host }) {
            await remountNow(host, requestOf(args));
            return undefined;
          },
        }),
      ),
  }),
  defineState({
    name: 'mount.unmounted',
    summary: 'Ensure nothing is mounted on a directory.',
    effect: 'repair',
    needs: ['umount'],
    args: z.object({
      name: pointArg,
      device: deviceArg.nullish().describe('Only when this device is mounted there.'),
      config: configArg,
      persist: z.boolean().default(false).describe('Remove it from fstab too.'),
      user: mountUserArg,
    }),
    examples: [{ title: 'now and at boot', args: { name: '/mnt/old', persist: true } }],
    async check({ name, device, config, persist, user }, { host }) {
      const wanted = device ?? undefined;
      const isThere = async (reader: HostReader): Promise<boolean> => {
        const mounts = await activeMounts(reader);
        const active = mounts.get(await realPath(reader, name));
        return active !== undefined && (wanted === undefined || (await showsDevice(reader, mounts, active, wanted)));
      };
      const here: Change | true = !(await isThere(host)) || {
        what: `${name}: unmounted`,
        before: true,
        after: false,
        changes: { umount: true },
        async apply(writer) {
          // What lies below another mount of the same place comes to light only then.
          for (let layer = 0; layer < MAX_LAYERS && (await isThere(writer.host)); layer += 1)
            await unmountNow(writer.host, name, { user: user ?? undefined });
          return undefined;
        },
      };
      const text = persist ? await readFstab(host, config) : undefined;
      const entry = { name, ...(wanted === undefined ? {} : { device: wanted }) };
      const verdict = changesOf(here, text === undefined || fstabChange(config, text, undefined, entry));
      return verdict.kind === 'in-sync' ? inSync('Target was already unmounted') : verdict;
    },
  }),
  ...fstabStates,
];

/** More mounts than this on one place are somebody's loop. */
const MAX_LAYERS = 16;

/** File systems that cannot be remounted with other options. */
const isMountedAnew = (fstype: string): boolean => ['nfs', 'cvfs'].includes(fstype) || fstype.startsWith('fuse');

/** What has to be done for the device to be mounted; true when nothing. */
async function mountChange(
  host: HostReader,
  args: Mounted,
  fstab: string | undefined,
  key: FstabKey,
): Promise<Change | Verdict | true> {
  const { name, device } = args;
  if ((await deviceOf(host, device)) === undefined) return refused(`Unable to find device with ${device}.`);
  const mounts = await activeMounts(host);
  const active = mounts.get(await realPath(host, name));
  if (active === undefined) return mounting(args, {}, `${name}: mounted`, async () => undefined);
  const names = await deviceNames(host, active);
  const isIgnored = args.device_name_regex.some((regex) => {
    const whole = pythonRegex(regex);
    return names.some((found) => found.search(whole) === 0);
  });
  if (!isIgnored && !(await showsDevice(host, mounts, active, device))) {
    const why = `Forced unmount because devices don't match. Wanted: ${device}, current: ${names.join(', ')}`;
    const unmount: Before = (ctx) => unmountNow(ctx.host, name, { user: args.user ?? undefined });
    return mounting(args, { umount: why }, `${name}: ${device} mounted instead of ${active.device}`, unmount);
  }
  const drift = await driftOf(host, args, active, formerOptions(fstab, key));
  if (drift.length === 0) return true;
  const why = `options (${drift.join(',')}) changed`;
  if (isMountedAnew(args.fstype)) {
    const changes = { umount: `Forced unmount and mount because ${why}` };
    return mounting(args, changes, `${name}: unmounted and mounted because ${why}`, (ctx) => unmountSomehow(ctx, args));
  }
  return {
    what: `${name}: remounted because ${why}`,
    before: [...active.opts, ...active.superopts],
    after: args.opts,
    changes: { umount: `Forced remount because ${why}` },
    async apply(ctx) {
      await remountNow(ctx.host, remountRequest(args, active));
      return undefined;
    },
  };
}

type Writing = Parameters<Change['apply']>[0];
type Before = (ctx: Writing) => Promise<void>;

function mounting(args: Mounted, changes: object, what: string, before: Before): Change {
  const { name } = args;
  return {
    what,
    before: null,
    after: args.device,
    changes: { ...changes, mount: true },
    async apply(ctx) {
      const { host } = ctx;
      await before(ctx);
      if (!args.mkmnt && !(await exists(host, name)))
        throw new EdgeError(
          'EDGE_FILE_NOT_FOUND',
          `Mount directory ${name} is not present on ${host.id}`,
          { name },
          {
            hint: 'Set mkmnt: True to have it made.',
          },
        );
      await mountNow(host, requestOf(args));
      // Some mount programs do not take every option at once: busybox leaves `ro` of a bind mount out.
      const active = (await activeMounts(host)).get(await realPath(host, name));
      const isLeft = active !== undefined && (await driftOf(host, args, active, undefined)).length > 0;
      if (isLeft && !isMountedAnew(args.fstype)) await remountNow(host, remountRequest(args, active));
      return undefined;
    },
  };
}

async function unmountSomehow({ host, log }: ModuleContext<Writing['host']>, { name, user }: Mounted): Promise<void> {
  try {
    await unmountNow(host, name, { user: user ?? undefined });
  } catch (error) {
    log.warn(`${name} is in use and is unmounted lazily: ${(error as Error).message}`);
    await unmountNow(host, name, { lazy: true, user: user ?? undefined });
  }
}

async function directoryChange(host: HostReader, { name, mkmnt, user }: Mounted): Promise<Change | true> {
  if (!mkmnt || (await exists(host, name))) return true;
  return {
    what: `${name}: created, not mounted`,
    before: null,
    after: 'directory',
    changes: { [name]: { directory: 'new' } },
    async apply(ctx) {
      await makeDirectories(ctx.host, name, { user: user ?? undefined });
      return undefined;
    },
  };
}

/** True when what is mounted is the device that is asked for, under whatever name. */
async function showsDevice(
  host: HostReader,
  mounts: ReadonlyMap<string, ActiveMount>,
  active: ActiveMount,
  device: string,
): Promise<boolean> {
  const names = await deviceNames(host, active);
  const path = (await deviceOf(host, device)) ?? device;
  // `sshfs#host:` is how fstab names the program; the kernel shows only what follows.
  if (names.includes(path) || names.includes(path.replace(/^\w+#/, ''))) return true;
  if (!path.startsWith('/')) return false;
  return names.includes(await realPath(host, path)) || (await isBoundTo(host, mounts, active, path));
}

/** The options fstab has for a mount; those an entry lacks are not known to be in force. */
function formerOptions(fstab: string | undefined, key: FstabKey): readonly string[] | undefined {
  if (fstab === undefined) return undefined;
  return findFstab(fstab, key)?.opts.split(',') ?? [];
}

async function driftOf(
  host: HostReader,
  args: Mounted,
  active: ActiveMount,
  former: readonly string[] | undefined,
): Promise<readonly string[]> {
  const users = args.opts.some((option) => /^uid=\D/.test(option)) ? await listUsers(host) : [];
  const groups = args.opts.some((option) => /^gid=\D/.test(option)) ? await listGroups(host) : [];
  const asShown = (option: string): string => {
    const [, key, name] = /^(uid|gid|user)=(.*)$/.exec(option) ?? [];
    if (key === 'user') return args.fstype === 'cifs' ? `username=${name}` : option;
    const number =
      key === 'uid' ? users.find((user) => user.name === name)?.uid : groups.find((group) => group.name === name)?.gid;
    return number === undefined ? option : `${key}=${number}`;
  };
  return optionDrift(args.opts.map(asShown), active, former?.map(asShown), {
    invisibleOptions: [...args.extra_mount_invisible_options, ...args.hidden_opts],
    invisibleKeys: args.extra_mount_invisible_keys,
    ignoredKeys: new Map(pairs(args.extra_mount_ignore_fs_keys).map(([fstype, keys]) => [fstype, texts(keys)])),
    translations: new Map(pairs(args.extra_mount_translate_options).map(([from, to]) => [from, String(to)])),
  });
}

function requestOf({ name, device, fstype, opts, mkmnt, user }: Mounted): Parameters<typeof mountNow>[1] {
  return { name, device, fstype, opts, mkmnt, user: user ?? undefined };
}

/** A loop device that stands must not be set up once more. */
function remountRequest(args: Mounted, active: ActiveMount): Parameters<typeof mountNow>[1] {
  const request = requestOf(args);
  if (!active.device.startsWith('/dev/loop')) return request;
  return { ...request, device: active.device, opts: args.opts.filter((option) => !/^loop(=|$)/.test(option)) };
}

async function exists(host: HostReader, path: string): Promise<boolean> {
  return (await host.probe(['test', '-e', path])).exitCode === 0;
}

function pairs(value: Value | undefined): [string, Value][] {
  return value instanceof PyMap ? [...value].map(([key, item]) => [String(key), item]) : [];
}

function texts(value: Value): string[] {
  return (Array.isArray(value) ? value : [value]).map(String);
}
