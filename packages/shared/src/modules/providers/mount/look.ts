import { dirname, join } from 'node:path/posix';
import type { HostReader } from '../../../host/index.ts';
import { readText, realPath } from '../../operations/index.ts';
import { type ActiveMount, type ActiveSwap, parseMountinfo, parseSwaps } from './mountinfo.ts';

/** What is mounted, mount point → the mount on top there. */
export async function activeMounts(host: HostReader): Promise<ReadonlyMap<string, ActiveMount>> {
  const mounts = parseMountinfo(await readText(host, '/proc/self/mountinfo'));
  return new Map(mounts.map((mount) => [mount.name, mount]));
}

/** What is swapped to, by name. */
export async function activeSwaps(host: HostReader): Promise<ReadonlyMap<string, ActiveSwap>> {
  return new Map(parseSwaps(await readText(host, '/proc/swaps')).map((swap) => [swap.name, swap]));
}

/** The mount that a path without symlinks lies on. */
export function mountOf(mounts: ReadonlyMap<string, ActiveMount>, path: string): ActiveMount | undefined {
  for (let at = path; ; at = dirname(at)) {
    const found = mounts.get(at);
    if (found !== undefined || at === dirname(at)) return found;
  }
}

/** Text of fstab; undefined when it is no file. */
export async function readFstab(host: HostReader, config: string): Promise<string | undefined> {
  return (await host.probe(['test', '-f', config])).exitCode === 0 ? await readText(host, config) : undefined;
}

/** The path of a device that may be written as `UUID=…`, `LABEL=…` and so on; undefined when no device has that tag. */
export async function deviceOf(host: HostReader, spec: string): Promise<string | undefined> {
  const tag = /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.*)$/i.exec(spec);
  if (tag === null) return spec;
  const token = `${tag[1]!.toUpperCase()}=${tag[2]!.replace(/^"(.*)"$/, '$1')}`;
  const { exitCode, stdout } = await host.probe(['findfs', token]);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** How a device is written in fstab when it is to be known by a tag. Undefined: it has none. */
export async function deviceTag(host: HostReader, spec: string, tag: string): Promise<string | undefined> {
  if (tag === 'device') return await deviceOf(host, spec);
  const name = tag.toUpperCase();
  if (spec.toUpperCase().startsWith(`${name}=`)) return spec;
  const device = await deviceOf(host, spec);
  if (device === undefined) return undefined;
  const { exitCode, stdout } = await host.probe(['blkid', '-o', 'value', '-s', name, device]);
  return exitCode === 0 && stdout.trim() !== '' ? `${name}=${stdout.trim()}` : undefined;
}

/** Every name under which a mounted device is known: its own, without symlinks, and the file behind a loop device. */
export async function deviceNames(host: HostReader, mount: ActiveMount): Promise<readonly string[]> {
  const names = [mount.device];
  if (!mount.device.startsWith('/')) return names;
  names.push(await realPath(host, mount.device));
  const loop = /^\/dev\/(loop\d+)$/.exec(mount.device)?.[1];
  if (loop !== undefined) {
    const backing = await host.probe(['cat', `/sys/block/${loop}/loop/backing_file`]);
    if (backing.exitCode === 0) names.push(backing.stdout.replace(/\n$/, ''));
  }
  return [...new Set(names)];
}

/** True when `mount` shows the directory `source`, as a bind mount does. */
export async function isBoundTo(
  host: HostReader,
  mounts: ReadonlyMap<string, ActiveMount>,
  mount: ActiveMount,
  source: string,
): Promise<boolean> {
  const real = await realPath(host, source);
  const under = mountOf(mounts, real);
  if (under === undefined || under.deviceNumber !== mount.deviceNumber) return false;
  const below = under.name === '/' ? real : real.slice(under.name.length);
  return join(under.root, below) === mount.root;
}
