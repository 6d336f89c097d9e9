import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../conformance/runner.ts';
import { block, EncryptionKeys } from '../../support/encryption-keys.ts';

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const BIN = join(repositoryRoot(), 'packages/minion/bin/edge-minion.js');

let dir: string;

const FILES = {
  'states/web.sls': [
    'page:',
    '  file.managed:',
    '    - name: {{ pillar.page }}',
    '    - contents: {{ grains.greeting }} from {{ pillar.from }}',
    'seen:',
    '  test.nop:',
    '    - require: [{file: page}]',
    '',
  ].join('\n'),
  'states/broken.sls': 'x:\n  test.nopp: []\n',
  'states/failing.sls': 'x:\n  test.fail_without_changes: []\n',
  'more/extra.sls': 'e:\n  test.nop: []\n',
  'pillar/top.sls': "base:\n  '*': [site]\n",
  'prod/top.sls': "prod:\n  '*': [site]\n",
  'prod/site.sls': 'from: prod\n',
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-call-'));
  const files: Record<string, string> = {
    ...FILES,
    'pillar/site.sls': `page: ${join(dir, 'page')}\nfrom: base\n`,
    'minion.yaml': [
      'id: solo',
      `file_roots: {base: [${join(dir, 'states')}]}`,
      `pillar_roots: {base: [${join(dir, 'pillar')}], prod: [${join(dir, 'prod')}]}`,
      'pillarenv: base',
      'grains: {greeting: hello}',
      '',
    ].join('\n'),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** Runs the built program with the configuration of the tests. */
function call(...words: string[]): Promise<Ended> {
  return run('--config', join(dir, 'minion.yaml'), ...words);
}

function run(...words: string[]): Promise<Ended> {
  const { PATH = '' } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [BIN, 'call', ...words],
      { env: { PATH }, cwd: '/', timeout: 30_000 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : Number(error.code);
        resolve({ exitCode, stdout, stderr });
      },
    );
  });
}

describe('edge-minion call', () => {
  it('applies states of local roots with a local pillar, and changes nothing where it only looks', async () => {
    const page = join(dir, 'page');
    const looked = await call('state.apply', 'web', 'test=True');
    expect(looked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(looked.stdout).toContain('would_change: 1');
    await expect(readFile(page)).rejects.toThrow('ENOENT');
    const applied = await call('state.apply', 'web');
    expect(applied.exitCode).toBe(0);
    expect(applied.stdout).toMatch(/^solo:\n {2}states: 2\n {2}changed: 1\n/);
    expect(await readFile(page, 'utf8')).toBe('hello from base\n');
    expect((await call('state.apply', 'web')).stdout).toMatch(/changed: 0\n.*\n {2}unchanged: 2\n/);
  });
  it('reads words as Salt does, and answers JSON', async () => {
    const { stdout, exitCode } = await call('test.arg', '1', 'two', 'k=[a, b]', 'j:={"x": 1}', '-o', 'json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      id: 'solo',
      outcome: 'succeeded',
      retcode: 0,
      ret: { args: [1, 'two'], kwargs: { k: ['a', 'b'], j: { x: 1 } } },
    });
  });
  it('takes a pillar environment and pillar values of the call', async () => {
    expect((await call('--pillarenv', 'prod', 'pillar.get', 'from')).stdout).toBe('solo: prod\n');
    const unknown = await call('--pillarenv', 'prd', 'pillar.get', 'from');
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stdout).toContain('did you mean `prod`?');
  });
  it('merges local pillars as its configuration says', async () => {
    const files = {
      'merged/top.sls': "base:\n  '*': [one, two]\n",
      'merged/one.sls': 'users: {ann: 1}\nports: [1]\n',
      'merged/two.sls': 'users: {bob: 2}\nports: [2]\n',
      'merged.yaml': `id: solo\npillar_roots: {base: [${join(dir, 'merged')}]}\npillar_merge_lists: true\n`,
      'last.yaml': `id: solo\npillar_roots: {base: [${join(dir, 'merged')}]}\npillar_source_merging_strategy: overwrite\n`,
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    const pillarOf = async (config: string): Promise<unknown> =>
      JSON.parse((await run('--config', join(dir, config), 'pillar.items', '-o', 'json')).stdout).ret;
    expect(await pillarOf('merged.yaml')).toEqual({ users: { ann: 1, bob: 2 }, ports: [1, 2] });
    expect(await pillarOf('last.yaml')).toEqual({ users: { bob: 2 }, ports: [2] });
  });
  it('decrypts local pillars, uses their secrets in files and shows none', async () => {
    const keys = await EncryptionKeys.make();
    try {
      const files = {
        'sealed/top.sls': "base:\n  '*': [key]\n",
        'sealed/key.sls': `#!yaml|gpg|age\npgp: ${block(await keys.gpg('hunter2-pgp'))}age: ${block(await keys.age('hunter2-age'))}`,
        'uses/file.sls': `${join(dir, 'used')}:\n  file.managed:\n    - contents: "{{ pillar.pgp }} {{ salt['pillar.get']('age') }}"\n`,
        'sealed.yaml': [
          'id: solo',
          `file_roots: {base: [${join(dir, 'uses')}]}`,
          `pillar_roots: {base: [${join(dir, 'sealed')}]}`,
          `gpg_keydir: ${keys.dir}`,
          `age_identities: [${keys.identityFile}]`,
        ].join('\n'),
      };
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await writeFile(join(dir, path), text);
      }
      const sealed = (...words: string[]): Promise<Ended> => run('--config', join(dir, 'sealed.yaml'), ...words);
      // What stood there before is the secret of yesterday, which this process never learnt.
      await writeFile(join(dir, 'used'), 'hunter1-pgp\n');
      const ended = [await sealed('state.apply', 'file', '-o', 'json'), await sealed('pillar.items')];
      expect(await readFile(join(dir, 'used'), 'utf8')).toBe('hunter2-pgp hunter2-age\n');
      for (const { exitCode, stdout, stderr } of ended) {
        expect(exitCode).toBe(0);
        expect(stdout).toContain('[secret]');
        expect(stdout + stderr).not.toMatch(/hunter[12]/);
      }
    } finally {
      await keys.dispose();
    }
  });
  it('takes roots from flags instead of the configuration', async () => {
    const { stdout, exitCode } = await run('--id', 'bare', '--file-root', join(dir, 'more'), 'state.apply', 'extra');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('bare:\n  states: 1\n');
    const dev = await run(
      '--file-root',
      `dev=${join(dir, 'more')}`,
      'state.show_sls',
      'extra',
      'saltenv=dev',
      '-o',
      'json',
    );
    expect(Object.keys(JSON.parse(dev.stdout).ret)).toEqual(['e']);
  });
  it.each([
    [['state.apply', 'failing'], 1, 'failed: 1'],
    [['state.apply', 'broken'], 2, 'did you mean `test.nop`'],
    [['tst.ping'], 2, 'did you mean `test.ping`?'],
    [['test.ping', 'x=1'], 2, 'unknown argument `x`'],
    [['cmd.run', 'exit 3'], 1, 'solo'],
    [['event.send', 'a/b'], 1, 'reaches nobody'],
  ])('%j exits %i', async (words, exitCode, text) => {
    const ended = await call(...words);
    expect(ended.exitCode).toBe(exitCode);
    expect(ended.stdout).toContain(text);
  });
  it('says what is wrong with its own options on standard error', async () => {
    const ended = await call('--nope', 'test.ping');
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toContain('--nope');
    expect((await call('-o', 'xml', 'test.ping')).stderr).toContain('One of: text, json.');
  });
});
