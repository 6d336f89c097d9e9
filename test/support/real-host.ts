import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalHost } from '@edge-run/shared/host';

/** This machine with a directory of its own, removed by `dispose`. */
export async function realHost(): Promise<{ host: LocalHost; dir: string; dispose(): Promise<void> }> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-modules-')));
  return { host: new LocalHost({ id: 'local' }), dir, dispose: () => rm(dir, { recursive: true, force: true }) };
}

/** Why a test cannot run here, or false: for `describe.skipIf` with the reason in its name. */
export const isRoot = process.getuid?.() === 0;
