import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OwnFleet } from '../../support/own-fleet.ts';

let fleet: OwnFleet;
let work: string;

function git(...args: string[]): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  execFileSync('git', [...identity, ...args], { cwd: work, stdio: 'pipe' });
}

function commit(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  git('add', '-A');
  git('commit', '-qm', 'next');
}

beforeAll(async () => {
  fleet = await OwnFleet.start({
    config: [
      'gitfs_remotes:',
      '  - file://@DIR@/work:',
      '    - root: salt',
      '    - mountpoint: salt://team',
      '    - saltenv:',
      '      - fixed:',
      '        - ref: v1',
      '        - mountpoint: ""',
      '    - saltenv_blacklist: secret*',
      '  - file://@DIR@/nowhere',
    ].join('\n'),
    files: {
      'states/local.sls': 'local:\n  test.succeed_without_changes: []\n',
      'states/team/both.txt': 'from the roots',
      'states/site/index.html': 'one',
      'states/motd.jinja': 'on {{ grains["id"] }}',
      'work/salt/both.txt': 'from git',
    },
  });
  work = join(fleet.dir, 'work');
  git('init', '-q', '-b', 'main');
  commit({
    'salt/app.sls':
      'app:\n  test.configurable_test_state:\n    - changes: False\n    - result: True\n    - comment: one\n',
  });
  git('tag', 'v1');
  git('branch', 'dev');
  git('branch', 'secret-plans');
  await fleet.startMinion('web1');
});
afterAll(() => fleet.stop());

const at = (path: string): string => join(fleet.dir, 'host', path);
const comment = async (): Promise<unknown> =>
  Object.values((await fleet.run('web1', 'state.apply', ['team.app'])) as Record<string, { comment: string }>)[0]
    ?.comment;

describe('git remotes', () => {
  test('fileserver.update tells of a remote that is not there, and serves the others', async () => {
    expect(await fleet.runner('fileserver.update')).toBe(false);
    expect(await fleet.runner('fileserver.envs')).toEqual(['base', 'fixed', 'dev', 'v1']);
  });

  test('branches and tags are environments, in their places; the roots come first', async () => {
    const listed = (saltenv: string): Promise<unknown> => fleet.runner('fileserver.file_list', [], { saltenv });
    expect(await listed('dev')).toEqual(['team/app.sls', 'team/both.txt']);
    expect(await listed('fixed')).toEqual(['app.sls', 'both.txt']);
    expect(await fleet.run('web1', 'cp.get_file_str', ['salt://team/both.txt'])).toBe('from the roots');
    expect(await fleet.run('web1', 'cp.get_file_str', ['salt://team/both.txt?saltenv=dev'])).toBe('from git');
    expect(await fleet.run('web1', 'cp.envs')).toEqual(['base', 'fixed', 'dev', 'v1']);
  });

  test('what is pushed is seen after the next fetch, also by states, and a tag stays as it was', async () => {
    expect(await comment()).toBe('one');
    commit({
      'salt/app.sls':
        'app:\n  test.configurable_test_state:\n    - changes: False\n    - result: True\n    - comment: two\n',
    });
    expect(await comment()).toBe('one');
    await fleet.runner('fileserver.update');
    expect(await comment()).toBe('two');
    expect(await fleet.run('web1', 'cp.get_file_str', ['app.sls'], { saltenv: 'fixed' })).toContain('one');
  });

  test('a branch that is deleted is no environment any more', async () => {
    git('branch', '-D', 'dev');
    await fleet.runner('fileserver.update');
    expect(await fleet.runner('fileserver.envs')).toEqual(['base', 'fixed', 'v1']);
  });

  test('after a restart the copy is served although the remote is gone', async () => {
    rmSync(join(work, '.git'), { recursive: true });
    await fleet.stopMaster();
    await fleet.startMaster();
    expect(await fleet.runner('fileserver.file_list', [], { saltenv: 'fixed' })).toEqual(['app.sls', 'both.txt']);
  });
});

describe('copies on the host', () => {
  test('get_file and get_template write, and a changed file comes with the next job', async () => {
    mkdirSync(at(''), { recursive: true });
    expect(await fleet.run('web1', 'cp.get_file', ['salt://site/index.html', `${at('')}`])).toBe(at('index.html'));
    expect(readFileSync(at('index.html'), 'utf8')).toBe('one');
    await fleet.write({ 'states/site/index.html': 'two, longer' });
    await fleet.run('web1', 'cp.get_file', ['salt://site/index.html', at('index.html')]);
    expect(readFileSync(at('index.html'), 'utf8')).toBe('two, longer');
    await fleet.run('web1', 'cp.get_template', ['salt://motd.jinja', at('deep/motd')], { makedirs: true });
    expect(readFileSync(at('deep/motd'), 'utf8')).toBe('on web1');
  });

  test('what is not there, or has nowhere to go, is a failure', async () => {
    expect((await fleet.exec('web1', 'cp.get_file', ['salt://none', at('none')])).web1).toMatchObject({
      success: false,
    });
    const nowhere = (await fleet.exec('web1', 'cp.get_file', ['salt://motd.jinja', at('a/b')])).web1;
    expect(nowhere).toMatchObject({ success: false, ret: expect.stringContaining('no directory') });
  });

  test('get_dir copies a tree under its own name', async () => {
    await fleet.write({ 'states/site/css/a.css': 'a', 'states/site/css/b.css': 'b' });
    await fleet.run('web1', 'cp.get_dir', ['salt://site', at('srv')]);
    expect(readdirSync(at('srv'), { recursive: true }).map(String).sort()).toEqual([
      'site',
      'site/css',
      'site/css/a.css',
      'site/css/b.css',
      'site/index.html',
    ]);
  });

  test('cached files have a path; lists and digests are those of the file server', async () => {
    const cached = (await fleet.run('web1', 'cp.cache_file', ['salt://site/css/a.css'])) as string;
    expect(readFileSync(cached, 'utf8')).toBe('a');
    expect(await fleet.run('web1', 'cp.is_cached', ['salt://site/css/a.css'])).toBe(cached);
    expect(await fleet.run('web1', 'cp.list_minion')).toEqual([cached]);
    expect(await fleet.run('web1', 'cp.list_master', [], { prefix: 'site' })).toEqual([
      'site/css/a.css',
      'site/css/b.css',
      'site/index.html',
    ]);
    expect(await fleet.run('web1', 'cp.list_states')).toContain('local');
    expect(await fleet.run('web1', 'cp.hash_file', ['salt://site/css/a.css'])).toEqual({
      hsum: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
      hash_type: 'sha256',
    });
  });

  test('get_url checks the digest it is told', async () => {
    const digest = 'sha256=ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb';
    const url = 'salt://site/css/a.css';
    expect(await fleet.run('web1', 'cp.get_url', [url, at('u')], { source_hash: digest })).toBe(at('u'));
    const other = await fleet.exec('web1', 'cp.get_url', ['salt://site/css/b.css', at('v')], { source_hash: digest });
    expect(other.web1?.success).toBe(false);
  });
});
