import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitMirror, gitEnvironment } from '@edge-run/shared/files';
import { LocalHost } from '@edge-run/shared/host';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let dir: string;
const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
    cwd: join(dir, 'remote'),
    stdio: 'pipe',
  }).toString();
const commit = (text: string): void => {
  writeFileSync(join(dir, 'remote/file'), text);
  git('add', '-A');
  git('commit', '-qm', text);
};
const mirror = (url = join(dir, 'remote')): GitMirror =>
  new GitMirror(new LocalHost({ id: 'm' }), join(dir, 'copies'), { url });
const shown = (copy: GitMirror): string =>
  execFileSync('git', ['--git-dir', copy.directory, 'show', 'main:file'], { stdio: 'pipe' }).toString();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edge-mirror-'));
  mkdirSync(join(dir, 'remote'));
  git('init', '-q', '-b', 'main');
  commit('one');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('GitMirror', () => {
  test('says whether anything changed, also when history was rewritten or a branch deleted', async () => {
    const copy = mirror();
    expect([await copy.update(), await copy.update()]).toEqual([true, false]);
    commit('two');
    expect(await copy.update()).toBe(true);
    expect(shown(copy)).toBe('two');
    git('commit', '-q', '--amend', '-m', 'other');
    git('branch', 'gone');
    expect(await copy.update()).toBe(true);
    git('branch', '-D', 'gone');
    expect([await copy.update(), await copy.update()]).toEqual([true, false]);
  });

  test('what a killed git left behind does not stop the next', async () => {
    const copy = mirror();
    await copy.update();
    writeFileSync(join(copy.directory, 'packed-refs.lock'), '');
    writeFileSync(join(copy.directory, 'refs/heads/main.lock'), '');
    commit('two');
    expect(await copy.update()).toBe(true);
    expect(shown(copy)).toBe('two');
  });

  test('a first fetch that was killed is begun anew, and leaves nothing', async () => {
    const copy = mirror();
    mkdirSync(`${copy.directory}.01OLD.new/objects`, { recursive: true });
    await copy.update();
    expect(readdirSync(join(dir, 'copies'))).toHaveLength(1);
  });

  test('a remote that is not there is an error that names it, and the copy stays', async () => {
    const copy = mirror();
    await copy.update();
    rmSync(join(dir, 'remote'), { recursive: true });
    await expect(copy.update()).rejects.toThrow(/remote could not be fetched/);
    expect(shown(copy)).toBe('one');
    const never = mirror(join(dir, 'never'));
    await expect(never.update()).rejects.toThrow(/never could not be fetched/);
    expect(existsSync(never.directory)).toBe(false);
    expect(readdirSync(join(dir, 'copies'))).toHaveLength(1);
  });

  test('calls at the same time share one fetch', async () => {
    const copy = mirror();
    expect(await Promise.all([copy.update(), copy.update()])).toEqual([true, true]);
  });
});

describe('gitEnvironment', () => {
  test('a token goes to its own server only, and into no argument', () => {
    const env = gitEnvironment({ url: 'https://git.example.org:8443/a/b.git', user: 'u', password: 'secret' });
    expect(env.GIT_CONFIG_COUNT).toBe('1');
    expect(env.GIT_CONFIG_KEY_0).toBe('http.https://git.example.org:8443/.extraHeader');
    expect(env.GIT_CONFIG_VALUE_0).toBe(`Authorization: Basic ${Buffer.from('u:secret').toString('base64')}`);
  });

  test('a key file may have any name, and no other key is tried', () => {
    const env = gitEnvironment({ url: 'git@h:r', privateKey: "/k/it's one" });
    expect(env.GIT_SSH_COMMAND).toContain("-i '/k/it'\\''s one' -o IdentitiesOnly=yes");
    expect(env.GIT_SSH_COMMAND).toContain('BatchMode=yes');
  });
});
