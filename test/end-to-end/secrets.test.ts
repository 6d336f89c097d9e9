import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { block, EncryptionKeys } from '../support/encryption-keys.ts';
import { FakeVault } from '../support/fake-vault.ts';
import { ONE_HOST } from '../support/one-host.ts';
import { eventually, killHard } from '../support/processes.ts';
import { describe as said, startStack, type TestStack } from '../support/stack.ts';

const OLD = 'corrEct-horse-OLD';
const NEW = 'battery-staple-NEW';
const KEY = '-----BEGIN KEY-----\nZmlyc3QgbGluZSBvZiBpdA\nc2Vjb25kIGxpbmUgb2YgaXQ\n-----END KEY-----\n';
const TOKEN = 'hvs.CAESIJ-token/1';
/** Texts that must not be anywhere but in the files they are for. */
const SECRETS = [OLD, NEW, 'Zmlyc3QgbGluZSBvZiBpdA', 'c2Vjb25kIGxpbmUgb2YgaXQ', TOKEN];

let stack: TestStack;
let keys: EncryptionKeys;
let vault: FakeVault;
const printed: string[] = [];

beforeAll(async () => {
  keys = await EncryptionKeys.make();
  vault = await FakeVault.start({ 'secret/box1': { token: TOKEN } });
  stack = await startStack({
    config: `
gpg_keydir: ${keys.dir}
age_identities: [${keys.identityFile}]
vault: {url: '${vault.url}', auth: {method: token, token: root-token}}
ext_pillar:
  - vault: {conf: 'path=secret/{minion}', nesting_key: vault}
`,
    files: {
      ...ONE_HOST,
      'pillars/top.sls': "prod:\n  '*': [plain, sealed]\n",
      'pillars/plain.sls': 'visible: visible-marker\npassword: overridden\n',
      'pillars/sealed.sls': await sealed(OLD),
      'states/app.conf': "key={{ salt['pillar.get']('key') }}token={{ pillar.vault.token }}\n",
      'states/secret.sls': `
{{ grains.home }}/one.conf:
  file.managed:
    - contents: "{{ pillar.visible }} {{ pillar.password }}"
{{ grains.home }}/two.conf:
  file.managed:
    - source: salt://app.conf
    - template: jinja
{{ grains.home }}/three.conf:
  file.managed:
    - contents_pillar: key
told:
  cmd.run:
    - name: echo "{{ pillar.password }}" && echo '{{ pillar.password | base64_encode }}'
`,
      'states/fails.sls': 'broken:\n  cmd.run:\n    - name: echo "no {{ pillar.password }}" >&2; exit 3\n',
      'states/handed.sls': `
{{ grains.home }}/handed.conf:
  file.managed:
    - contents: "{{ pillar.handed }}"
`,
      // Everything an orchestration can hand a secret on to; the last step waits for the test.
      'orch/hand-on.sls': `
function:
  salt.function:
    - tgt: box1
    - name: cmd.run
    - arg: ["printf %s '{{ pillar.password }}' > function.conf; echo told {{ pillar.password }}"]
state:
  salt.state:
    - tgt: box1
    - sls: handed
    - pillar: {handed: "by the state {{ pillar.password }}"}
on the master:
  cmd.run:
    - name: printf %s "$PASSWORD" > '{{ pillar.dir }}/master.conf'; echo told $PASSWORD
    - env: {PASSWORD: "{{ pillar.password }}"}
    - register: said
nested:
  salt.runner:
    - name: state.orchestrate
    - kwarg:
        mods: inner
        pillarenv: prod
        pillar: {handed: "by the run {{ pillar.password }}"}
pause:
  salt.function:
    - tgt: box1
    - name: test.sleep
    - arg: [{{ pillar.get('pause', 0) }}]
later:
  salt.function:
    - tgt: box1
    - name: cmd.run
    - arg: ["printf %s '{{ pillar.password }} {{ steps.said.result.stdout }}' > later.conf"]
`,
      'orch/inner.sls': `
inner:
  salt.function:
    - tgt: box1
    - name: cmd.run
    - kwarg: {cmd: "printf %s '{{ pillar.handed }}' > inner.conf"}
`,
      'orch/named.sls':
        'known by {{ pillar.password }}:\n  salt.function:\n    - tgt: box1\n    - name: test.ping\nfine:\n  test.nop: []\n',
      'orch/roll.sls':
        'roll:\n  salt.state:\n    - tgt: box1\n    - sls: secret\nsay:\n  salt.function:\n    - tgt: box1\n    - name: pillar.items\n',
    },
  });
  await stack.mustRun('orch', 'one-host', 'pillarenv=prod');
});
afterAll(async () => {
  await stack?.stop();
  await vault?.web.stop();
  await keys?.dispose();
});

async function sealed(password: string): Promise<string> {
  return `#!yaml|gpg|age\npassword: ${block(await keys.gpg(password))}key: ${block(await keys.age(KEY))}`;
}

/** Runs a command and keeps everything it wrote. */
async function run(exitCode: number, ...words: readonly string[]): Promise<string> {
  const ended = await stack.run(...words);
  printed.push(ended.stdout, ended.stderr);
  expect(ended.exitCode, said(ended)).toBe(exitCode);
  return ended.stdout;
}

const onBox = (file: string): Promise<string> => readFile(join(stack.dir, 'fleet/prod/box1', file), 'utf8');

describe.sequential('secrets of a pillar', () => {
  test('reach the files of the host they are for', async () => {
    const shown = await run(0, 'state', 'apply', 'box1', 'secret', 'pillarenv=prod', '-v');
    expect(await onBox('one.conf')).toBe(`visible-marker ${OLD}\n`);
    expect(await onBox('two.conf')).toBe(`key=${KEY}token=${TOKEN}\n`);
    expect(await onBox('three.conf')).toBe(KEY);
    expect(shown).toContain('[secret]');
  });

  test('are sealed in every answer about the pillar', async () => {
    const asked = [
      ['pillar', 'show', 'box1', '--pillarenv', 'prod'],
      ['pillar', 'get', 'box1', 'password', '--pillarenv', 'prod'],
      ['pillar', 'show', 'box1', '--pillarenv', 'prod', '-o', 'json'],
      ['box1', 'pillar.get', 'vault:token'],
      ['box1', 'pillar.items', '-o', 'json'],
      ['box1', 'pillar.item', 'key', 'password'],
      ['box1', 'config.get', 'password'],
      ['box1', 'cmd.run', 'cat one.conf two.conf three.conf'],
      ['box1', 'cp.get_file_str', `${join(stack.dir, 'fleet/prod/box1/one.conf')}`],
      ['render', 'secret', '--id', 'box1', '--pillarenv', 'prod'],
    ] as const;
    const answers = [];
    for (const words of asked) {
      const ended = await stack.run(...words);
      printed.push(ended.stdout, ended.stderr);
      answers.push(ended.stdout);
    }
    expect(answers.slice(0, 7).every((text) => text.includes('[secret]'))).toBe(true);
  });

  test('are sealed in an explanation that says which file wins', async () => {
    const text = await run(0, 'pillar', 'explain', 'box1', 'password', '--pillarenv', 'prod');
    expect(text).toMatch(/\* prod: sealed\.sls:2 +wins +\[secret\]/);
    expect(text).toMatch(/- prod: plain\.sls:2 +overridden +overridden/);
    const asked = ['pillar', 'explain', 'box1', 'vault:token', '--pillarenv', 'prod', '-o', 'json'];
    const json = JSON.parse(await run(0, ...asked)) as unknown;
    expect(json).toMatchObject({
      box1: { secret: true, strategy: 'smart', origins: [{ source: 'external: vault', effect: 'wins', secret: true }] },
    });
    const override = await run(
      0,
      'pillar',
      'explain',
      'box1',
      'visible',
      '--pillarenv',
      'prod',
      'pillar={visible: mine}',
    );
    expect(override).toMatch(/\* command line +wins +mine/);
    await run(1, 'pillar', 'explain', 'box1', 'no:such', '--pillarenv', 'prod');
  });

  test('make a saved plan stale when nothing else has changed, and only when they have', async () => {
    const plan = join(stack.home, 'roll.plan');
    await run(0, 'orch', 'plan', 'roll', 'pillarenv=prod', '--save', plan);
    const saved = await readFile(plan, 'utf8');
    printed.push(saved);
    expect(saved).toMatch(/"secrets": ?"hmac-sha256:[0-9a-f]{64}"/);
    await stack.write('pillars/sealed.sls', await sealed(NEW));
    const refused = await stack.run('apply', plan);
    expect(refused.exitCode, said(refused)).toBe(8);
    expect(refused.stderr).toContain('secrets of the pillar have changed');
    // Encrypted once more it is another file and the same secret.
    await stack.write('pillars/sealed.sls', await sealed(OLD));
    await run(0, 'apply', plan);
    printed.push(refused.stdout, refused.stderr, JSON.stringify(await stack.journal(await stack.lastRun())));
  });

  test('reach what an orchestration hands them to, and are sealed on the way', async () => {
    const words = ['orch', 'hand-on', 'pillarenv=prod', `pillar={dir: ${stack.dir}}`];
    expect(await run(0, ...words, 'test=True')).toContain('[secret]');
    await run(0, ...words);
    expect(await onBox('function.conf')).toBe(OLD);
    expect(await onBox('handed.conf')).toBe(`by the state ${OLD}\n`);
    expect(await readFile(join(stack.dir, 'master.conf'), 'utf8')).toBe(OLD);
    expect(await onBox('inner.conf')).toBe(`by the run ${OLD}`);
    // What a step has printed is journaled: without it.
    expect(await onBox('later.conf')).toBe(`${OLD} told [secret]`);
    printed.push(JSON.stringify(await stack.journal(await stack.lastRun())));
    await run(0, 'orch', 'show', '@last', '-o', 'json');
    await run(0, 'jobs', 'ls', '-o', 'json');
  });

  test('are known to the master that takes a run up from one that was killed', async () => {
    const started = await run(
      0,
      'orch',
      'hand-on',
      'pillarenv=prod',
      `pillar={dir: ${stack.dir}, pause: 4}`,
      '--no-wait',
    );
    const id = /[0-9a-z]{20,}/i.exec(started)![0];
    await eventually(
      async () =>
        (await stack.journal(id)).some(({ type, step }) => type === 'step-started' && /pause/.test(step ?? '')),
      'the step before the last starts',
    );
    await killHard(await stack.masterPid());
    await rm(join(stack.dir, 'fleet/prod/box1/later.conf'), { force: true });
    await stack.mustRun('up');
    const end = await eventually(
      async () => (await stack.journal(id)).find(({ type }) => type === 'run-ended'),
      'the run goes on to its end',
      60_000,
    );
    expect(end).toMatchObject({ outcome: 'succeeded' });
    expect(await onBox('later.conf')).toBe(`${OLD} told [secret]`);
  });

  test('a step that would be known by one is refused before the first step', async () => {
    const ended = await stack.run('orch', 'named', 'pillarenv=prod');
    printed.push(ended.stdout, ended.stderr);
    expect(ended.exitCode, said(ended)).toBe(2);
    expect(ended.stderr).toMatch(/EDGE_SECRET_IN_STEP/);
    expect(ended.stderr).toMatch(/orch\/named\.sls:2/);
    expect(ended.stderr).toMatch(/the id of step known by \[secret\] holds a secret of the pillar/);
    expect(await stack.mustRun('orch', 'ls')).not.toContain('named');
  });

  test('are sealed in plans, failures, runs and their journal', async () => {
    await stack.write('pillars/sealed.sls', await sealed(NEW));
    const plan = join(stack.home, 'saved.plan');
    await run(0, 'state', 'plan', 'box1', 'secret', 'pillarenv=prod', '--save', plan);
    printed.push(await readFile(plan, 'utf8'));
    await run(1, 'state', 'apply', 'box1', 'fails', 'pillarenv=prod');
    await run(0, 'orch', 'roll', 'pillarenv=prod');
    expect(await onBox('one.conf')).toBe(`visible-marker ${NEW}\n`);
    printed.push(JSON.stringify(await stack.journal(await stack.lastRun())));
    await run(0, 'jobs', 'show', '@last', '-o', 'json');
  });

  test('are in nothing that was printed', () => {
    const text = printed.join('\n');
    expect(text).toContain('visible-marker');
    for (const secret of SECRETS) expect(text.includes(secret), `printed: ${secret}`).toBe(false);
    expect(text).not.toContain(Buffer.from(OLD).toString('base64').replace(/=+$/, ''));
  });

  test('are in no file of master, broker or minion: streams, returns, events, logs', async () => {
    const files = await filesBelow(stack.dir);
    const holding = async (text: string): Promise<readonly string[]> => {
      const found = [];
      for (const file of files) if ((await readFile(file)).includes(text)) found.push(file);
      return found.filter((file) => !/(fleet\/prod\/box1\/[a-z]+|master)\.conf$/.test(file));
    };
    // What is not secret is found where returns are kept, or this would find nothing at all.
    expect((await holding('visible-marker')).length).toBeGreaterThan(0);
    for (const secret of SECRETS) expect(await holding(secret), secret).toEqual([]);
  });
});

async function filesBelow(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir, { recursive: true });
  const files = [];
  for (const name of names) {
    const found = await stat(join(dir, name)).catch(() => undefined);
    if (found?.isFile()) files.push(join(dir, name));
  }
  return files;
}
