import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleDigest, GitSource, LocalRoots, parseFileUri, slsOfPath } from '@edge-run/shared/files';
import { afterAll, describe, expect, it } from 'vitest';
import { commandProbe } from '../../../support/command-probe.ts';

const dir = mkdtempSync(join(tmpdir(), 'edge-roots-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

async function read(source: LocalRoots, uri: string, env = 'base'): Promise<string | undefined> {
  const file = await source.open(uri, env);
  return file && Buffer.from(await file.read()).toString();
}

describe('LocalRoots', () => {
  put('states/a.sls', 'states');
  put('more/a.sls', 'more');
  put('more/b.sls', 'b');
  put('orch/deploy.sls', 'orch');
  put('envs/qa/x.sls', 'qa');
  const source = new LocalRoots({
    base: [
      { directory: join(dir, 'states') },
      { directory: join(dir, 'more') },
      { directory: join(dir, 'orch'), mount: 'orch' },
      { directory: join(dir, 'not-there') },
    ],
    __env__: [{ directory: join(dir, 'envs/__env__') }],
  });

  it('takes a path from the first root that has it', async () => {
    expect(await read(source, 'a.sls')).toBe('states');
    expect(await read(source, 'b.sls')).toBe('b');
  });

  it('serves a mounted root under its name only', async () => {
    expect(await read(source, 'salt://orch/deploy.sls')).toBe('orch');
    expect(await read(source, 'salt://deploy.sls')).toBeUndefined();
    const paths: string[] = [];
    for await (const { path } of source.list('', 'base')) paths.push(path);
    expect(paths).toEqual(['a.sls', 'b.sls', 'orch/deploy.sls']);
  });

  it('puts the name of an environment in the place of __env__', async () => {
    expect(await read(source, 'x.sls', 'qa')).toBe('qa');
    expect(await read(source, 'x.sls', '__env__')).toBeUndefined();
    expect(await source.environments()).toEqual(['base']);
  });

  it('sees a change that keeps size and modification time', async () => {
    const before = await source.open('b.sls', 'base');
    put('more/b.sls', 'c');
    utimesSync(join(dir, 'more/b.sls'), 1, 1);
    const after = await source.open('b.sls', 'base');
    expect(after!.digest).not.toBe(before!.digest);
  });
});

describe('GitSource', () => {
  it('says which repository git failed on', async () => {
    const source = new GitSource({ host: commandProbe, repository: join(dir, 'nothing.git') });
    await expect(source.environments()).rejects.toMatchObject({ code: 'EDGE_GIT_FAILED' });
  });
});

describe('names of files', () => {
  it('reads URIs', () => {
    expect(parseFileUri('salt://a/b?saltenv=dev', 'base')).toEqual({ path: 'a/b', env: 'dev' });
    expect(parseFileUri('a?b', 'base')).toEqual({ path: 'a?b', env: 'base' });
  });

  it('turns paths into SLS names', () => {
    expect(['a/b.sls', 'a/b/init.sls', 'init.sls', 'a.b/c.sls', 'a.jinja'].map(slsOfPath)).toEqual([
      'a.b',
      'a.b',
      'init',
      undefined,
      undefined,
    ]);
  });

  it('digests the same set the same way', () => {
    const file = { path: 'a', digest: 'sha256:0', sizeBytes: 1, mode: 0o644 };
    expect(bundleDigest([file])).not.toBe(bundleDigest([{ ...file, mode: 0o755 }]));
    expect(bundleDigest([file, { ...file, path: 'b' }])).toBe(bundleDigest([{ ...file, path: 'b' }, file]));
  });
});
