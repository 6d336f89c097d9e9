import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BundledFiles, type FileBundle, type FileSource, LocalRoots, listBundle } from '@edge-run/shared/files';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

describe('files of a bundle', () => {
  let dir: string;
  let current: LocalRoots;
  const contents = new Map<string, Uint8Array>();

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  const textOf = async (source: FileSource, path: string, env = 'base'): Promise<string | undefined> => {
    const file = await source.open(`salt://${path}`, env);
    return file === undefined ? undefined : new TextDecoder().decode(await file.read());
  };
  const keep = async (bundle: FileBundle): Promise<void> => {
    for (const [env, entries] of Object.entries(bundle))
      for (const { path, digest } of entries) contents.set(digest, await (await current.open(path, env))!.read());
  };
  const serve = (bundle: FileBundle): BundledFiles =>
    new BundledFiles({ bundle: async () => bundle, current, kept: async ({ digest }) => contents.get(digest) });

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'edge-bundle-'));
    contents.clear();
    for (const [path, text] of Object.entries({ 'base/a.sls': 'a', 'base/web/init.sls': 'web', 'dev/a.sls': 'dev' }))
      write(path, text);
    symlinkSync('/etc/hostname', join(dir, 'base/out'));
    current = new LocalRoots({ base: [{ directory: join(dir, 'base') }], dev: [{ directory: join(dir, 'dev') }] });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are as they were, whatever became of them: changed, gone, or new', async () => {
    const bundle = await listBundle(current, ['base', 'dev']);
    await keep(bundle);
    write('base/a.sls', 'another');
    write('base/new.sls', 'new');
    rmSync(join(dir, 'base/web'), { recursive: true });
    const files = serve(bundle);
    expect(await textOf(files, 'a.sls')).toBe('a');
    expect(await textOf(files, 'web/init.sls')).toBe('web');
    expect(await textOf(files, 'new.sls')).toBeUndefined();
    expect(await textOf(files, 'a.sls?saltenv=dev')).toBe('dev');
    const listed: string[] = [];
    for await (const { path } of files.list('', 'base')) listed.push(path);
    expect(listed).toEqual(['a.sls', 'web/init.sls']);
  });

  it('of an environment that is not in the bundle are those of now', async () => {
    const files = serve(await listBundle(current, ['base']));
    write('dev/a.sls', 'later');
    expect(await textOf(files, 'a.sls', 'dev')).toBe('later');
    expect(await files.environments()).toEqual(['base', 'dev']);
  });

  it('that changed and are not kept are an error that says so', async () => {
    const files = serve(await listBundle(current, ['base']));
    expect(await textOf(files, 'a.sls')).toBe('a');
    write('base/a.sls', 'another');
    await expect(textOf(files, 'a.sls')).rejects.toMatchObject({ code: 'EDGE_FILE_CHANGED' });
  });

  it('that may not be served are refused as before', async () => {
    const files = serve(await listBundle(current, ['base']));
    await expect(files.open('salt://out', 'base')).rejects.toMatchObject({ code: 'EDGE_FILES_OUTSIDE_ROOT' });
  });

  it('asks again for a bundle that could not be read', async () => {
    let tries = 0;
    const bundle = await listBundle(current, ['base']);
    const read = async (): Promise<FileBundle> => {
      tries += 1;
      if (tries === 1) throw new Error('the broker is away');
      return bundle;
    };
    const files = new BundledFiles({ bundle: read, current, kept: async () => undefined });
    await expect(files.open('salt://a.sls', 'base')).rejects.toThrow('the broker is away');
    expect(await textOf(files, 'a.sls')).toBe('a');
  });
});
