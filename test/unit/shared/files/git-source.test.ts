import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type FileSource, GitSource } from '@edge-run/shared/files';
import type { HostReader } from '@edge-run/shared/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandProbe } from '../../../support/command-probe.ts';

const dir = mkdtempSync(join(tmpdir(), 'edge-git-'));
const repository = join(dir, '.git');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function git(...args: string[]): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  execFileSync('git', [...identity, ...args], { cwd: dir, stdio: 'pipe' });
}

function put(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

async function read(source: FileSource, uri: string, env = 'base'): Promise<string | undefined> {
  const file = await source.open(uri, env);
  return file && Buffer.from(await file.read()).toString();
}

async function paths(source: FileSource, env = 'base'): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path } of source.list('', env)) found.push(path);
  return found;
}

/** Counts the commands a source runs. */
function counted(): { readonly host: Pick<HostReader, 'probe'>; readonly commands: string[] } {
  const commands: string[] = [];
  const probe: HostReader['probe'] = (command, options) => {
    commands.push(command[3]!);
    return commandProbe.probe(command, options);
  };
  return { host: { probe }, commands };
}

describe('GitSource', () => {
  beforeAll(() => {
    git('init', '-q', '-b', 'main');
    put('salt/states/a.sls', 'one');
    put('salt/states/big.bin', 'x'.repeat(5000));
    put('salt/secret.txt', 'not served');
    symlinkSync('../secret.txt', join(dir, 'salt/states/leak'));
    git('add', '-A');
    git('commit', '-qm', 'one');
    git('tag', '-a', 'v1', '-m', 'first');
    git('tag', 'main-copy');
    git('branch', 'feature/x');
    put('salt/states/a.sls', 'two');
    git('add', '-A');
    git('commit', '-qm', 'two');
  });

  it('makes environments of branches and of tags, annotated ones too', async () => {
    const source = new GitSource({ host: commandProbe, repository, root: 'salt/states' });
    expect(await source.environments()).toEqual(['base', 'feature/x', 'main-copy', 'v1']);
    expect(await read(source, 'a.sls')).toBe('two');
    expect(await read(source, 'a.sls', 'v1')).toBe('one');
    expect(await read(source, 'salt://a.sls?saltenv=feature/x')).toBe('one');
    expect(await read(source, 'a.sls', 'main')).toBeUndefined();
  });

  it('serves its root only, under its mount', async () => {
    const source = new GitSource({ host: commandProbe, repository, root: 'salt/states', mount: 'team' });
    expect(await paths(source)).toEqual(['team/a.sls', 'team/big.bin']);
    expect(await read(source, 'team/a.sls')).toBe('two');
    expect(await read(source, 'a.sls')).toBeUndefined();
    await expect(source.open('team/leak', 'base')).rejects.toMatchObject({ code: 'EDGE_FILES_OUTSIDE_ROOT' });
  });

  it('asks git for a content once, and again only when it was let go', async () => {
    const { host, commands } = counted();
    const source = new GitSource({ host, repository, root: 'salt/states', cacheBytes: 1000 });
    for (let round = 0; round < 3; round += 1) expect(await read(source, 'a.sls')).toBe('two');
    const fetches = (): number => commands.filter((command) => command === 'cat-file').length;
    const small = fetches();
    for (let round = 0; round < 3; round += 1) expect(await read(source, 'a.sls')).toBe('two');
    expect(fetches()).toBe(small);
    for (let round = 0; round < 2; round += 1) expect(await read(source, 'big.bin')).toHaveLength(5000);
    expect(fetches()).toBeGreaterThan(small + 1);
    expect(commands.filter((command) => command === 'ls-tree')).toHaveLength(1);
  });
});
