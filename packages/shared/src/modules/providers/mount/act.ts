import type { Command, ExecOptions, Host } from '../../../host/index.ts';
import { makeDirectories, mustRun } from '../../operations/index.ts';
import { activeMounts } from './look.ts';

/** What is to be mounted where. */
export interface MountRequest {
  /** Mount point. */
  readonly name: string;
  /** Undefined: that of fstab. */
  readonly device?: string | undefined;
  readonly fstype?: string | undefined;
  readonly opts: readonly string[];
  /** Make the directory when it is missing. */
  readonly mkmnt: boolean;
  /** Who mounts; undefined: who the agent runs as. */
  readonly user?: string | undefined;
}

/** Network file systems may hang for long; this ends it. */
const MOUNT_TIMEOUT_MS = 120_000;

/** Mounts. @throws EdgeError `EDGE_COMMAND_FAILED` with what mount said */
export async function mountNow(host: Host, request: MountRequest): Promise<void> {
  const { name, user, mkmnt } = request;
  if (mkmnt) await makeDirectories(host, name, { user });
  const hint = `See 'dmesg' on ${host.id} when the reason is not plain.`;
  await mustRun(host, mountCommand(request, request.opts), options(user), hint);
}

/** Mounts what is mounted with other options, in place; mounts it where it is not. @throws EdgeError */
export async function remountNow(host: Host, request: MountRequest): Promise<void> {
  const isThere = (await activeMounts(host)).has(request.name);
  if (!isThere) return await mountNow(host, request);
  const opts = [...request.opts.filter((option) => option !== 'remount'), 'remount'];
  await mustRun(host, mountCommand(request, opts), options(request.user));
}

/** Unmounts; with `lazy` the place is free at once, also when it is in use. @throws EdgeError */
export async function unmountNow(
  host: Host,
  name: string,
  { lazy = false, user }: { readonly lazy?: boolean; readonly user?: string | undefined } = {},
): Promise<void> {
  const hint = `'fuser -vm ${name}' on ${host.id} shows who uses it.`;
  await mustRun(host, ['umount', ...(lazy ? ['-l'] : []), name], options(user), hint);
}

function mountCommand({ name, device, fstype }: MountRequest, opts: readonly string[]): Command {
  return [
    'mount',
    ...(opts.length === 0 ? [] : ['-o', opts.join(',')]),
    // `none` is fstab's word for a bind mount; the kernel knows no such file system.
    ...(fstype === undefined || fstype === '' || fstype === 'none' ? [] : ['-t', fstype]),
    ...(device === undefined ? [] : [device]),
    name,
  ];
}

function options(user: string | undefined): ExecOptions {
  return { env: { LC_ALL: 'C' }, timeoutMs: MOUNT_TIMEOUT_MS, ...(user === undefined ? {} : { runAs: user }) };
}
