import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Command, ExecOptions, Host } from '@edge-run/shared/host';
import { LocalHost } from '@edge-run/shared/host';

/** Why a network of one's own cannot be had here; undefined: it can. */
export function noNetworkReason(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for namespaces';
  const { status } = spawnSync('unshare', ['-n', 'true'], { timeout: 20_000, stdio: 'ignore' });
  return status === 0 ? undefined : 'namespaces are refused here';
}

/** This machine with a network of its own: an interface `lo` that is down and no rules. `dispose` ends it. */
export async function networkHost(id: string): Promise<{ host: Host; dispose(): Promise<void> }> {
  const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo ready; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const local = new LocalHost({ id });
  const inside = (command: Command): Command => ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--', ...command];
  const host: Host = {
    id,
    probe: (command: Command, options?: ExecOptions) => local.probe(inside(command), options),
    exec: (command: Command, options?: ExecOptions) => local.exec(inside(command), options),
    readFile: (path) => local.readFile(path),
    writeFile: (path, content, options) => local.writeFile(path, content, options),
    remove: (path) => local.remove(path),
    stat: (path) => local.stat(path),
    list: (path) => local.list(path),
  };
  return { host, dispose: () => end(holder) };
}

async function end(holder: ChildProcess): Promise<void> {
  const over = once(holder, 'exit');
  holder.kill('SIGKILL');
  await over;
}
