import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSshFleet, type SshFleet, sshTarget } from '@edge-run/master/ssh';
import { createCatalog } from '@edge-run/shared/execute';
import type { FileSource } from '@edge-run/shared/files';
import { type ExecOptions, type Host, LocalHost } from '@edge-run/shared/host';
import { toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moduleContext, runState } from '../../support/module-context.ts';
import { hasSshd, startSshd } from '../../support/sshd.ts';

const { states } = createCatalog();
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));

/** Hosts that are not this machine with its own tools. */
const WAYS: readonly [name: string, isHere: boolean][] = [
  ['over SSH', hasSshd()],
  ['with nothing but busybox', BUSYBOX !== undefined],
];

describe.each(WAYS)('files, archives and INI files %s', (name, isHere) => {
  let dir: string;
  let host: Host;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-elsewhere-')));
    if (!isHere) return;
    ({ host, stop } = name === 'over SSH' ? await overSsh(dir) : await onBusybox(dir));
  });
  afterAll(async () => {
    await stop?.();
    await rm(dir, { recursive: true, force: true });
  });

  it.skipIf(!isHere)('are looked into, changed, and then as they should be', async () => {
    await mkdir(join(dir, 'tree/app'), { recursive: true });
    await writeFile(join(dir, 'tree/app/a b'), 'x'.repeat(100_000));
    await symlink('/nowhere', join(dir, 'tree/app/link'));
    execFileSync('sh', ['-c', 'cd tree && tar -czf ../app.tgz app'], { cwd: dir });
    const bytes = await readFile(join(dir, 'app.tgz'));
    const ctx = moduleContext(host, { opts: { cachedir: join(dir, 'cache') }, extra: { files: serving(bytes) } });
    const converge = async (fun: string, args: Record<string, unknown>): Promise<unknown> => {
      const planned = await runState(states.get(fun)!, ctx, args, 'plan');
      expect(planned).toMatchObject({ result: null });
      const done = await runState(states.get(fun)!, ctx, args);
      expect(done).toMatchObject({ result: true });
      const again = await runState(states.get(fun)!, ctx, args);
      expect([again.result, again.changes.size, again.comment]).toEqual([true, 0, expect.anything()]);
      return toPlain(done.changes);
    };
    const user = (await host.probe(['id', '-un'])).stdout.trim();
    const out = join(dir, 'out');
    await converge('archive.extracted', { name: join(out, 'own'), source: join(dir, 'app.tgz'), user });
    await converge('archive.extracted', { name: join(out, 'app'), source: 'salt://app.tgz', user });
    expect((await readFile(join(out, 'app/app/a b'))).length).toBe(100_000);
    expect((await readdir(join(out, 'app/app'))).sort()).toEqual(['a b', 'link']);
    expect(await converge('file.directory', { name: join(out, 'app'), clean: true })).toEqual({
      removed: ['app', 'app/a b', 'app/link'].map((path) => join(out, 'app', path)),
    });
    await converge('ini.options_present', { name: join(out, 'x.ini'), sections: { a: { b: 'ä' } } });
    expect(await readFile(join(out, 'x.ini'), 'utf8')).toBe('[a]\nb = ä\n');
  });
});

function serving(content: Buffer): FileSource {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  return {
    open: () =>
      Promise.resolve({ path: 'app.tgz', digest, sizeBytes: content.length, mode: 0o644, read: async () => content }),
    async *list() {},
    environments: async () => ['base'],
  };
}

async function overSsh(dir: string): Promise<{ host: Host; stop: () => Promise<void> }> {
  const sshd = await startSshd();
  const { user, keyFile, port } = sshd;
  const roster = [sshTarget({ id: 'far', host: '127.0.0.1', port, user, keyFiles: [keyFile] })];
  const fleet: SshFleet = createSshFleet({
    roster,
    hostKeys: { mode: 'accept-new', files: [join(dir, 'known_hosts')] },
  });
  return {
    host: await fleet.host('far'),
    stop: async () => {
      await fleet.close();
      await sshd.stop();
    },
  };
}

/** This machine, on which every command is one of busybox. */
async function onBusybox(dir: string): Promise<{ host: Host; stop: () => Promise<void> }> {
  const bin = join(dir, 'bin');
  await mkdir(bin);
  for (const applet of execFileSync(BUSYBOX!, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    await symlink(BUSYBOX!, join(bin, applet));
  const local = new LocalHost({ id: 'busybox' });
  const only = (options: ExecOptions = {}): ExecOptions => ({ ...options, env: { ...options.env, PATH: bin } });
  const host: Host = {
    id: local.id,
    probe: (command, options) => local.probe(command, only(options)),
    exec: (command, options) => local.exec(command, only(options)),
    readFile: (path) => local.readFile(path),
    stat: (path) => local.stat(path),
    list: (path) => local.list(path),
    writeFile: (path, content, options) => local.writeFile(path, content, options),
    remove: (path) => local.remove(path),
  };
  return { host, stop: async () => {} };
}
