import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ONE_HOST } from '../support/one-host.ts';
import { describe as said, startStack, type TestStack } from '../support/stack.ts';

const step = (name: string, lines: string): string => `
first:
  salt.function:
    - name: file.touch
    - tgt: box1
    - arg: [/nowhere/touched]
${name}:
${lines}`;

const FILES = {
  ...ONE_HOST,
  'orch/bad-yaml.sls': 'one:\n  salt.function:\n    - name: test.ping\n   - tgt: box1\n',
  'orch/undefined.sls': 'one:\n  salt.function:\n    - name: test.ping\n    - tgt: {{ hosts.nobody.adress }}\n',
  'orch/unknown-kind.sls': step('second', '  salt.funktion:\n    - name: test.ping\n    - tgt: box1\n'),
  'orch/unknown-argument.sls': step('second', '  salt.function:\n    - name: test.ping\n    - target: box1\n'),
  'orch/unknown-function.sls': step('second', '  salt.function:\n    - name: test.pong\n    - tgt: box1\n'),
  'orch/unknown-runner.sls': step('second', '  salt.runner:\n    - name: cloud.provison\n'),
  'orch/bad-call.sls': step(
    'second',
    "  salt.function:\n    - name: cmd.run\n    - tgt: box1\n    - arg: ['true']\n    - kwarg: {cwdd: /}\n",
  ),
  'orch/no-host.sls': step('second', '  salt.function:\n    - name: test.ping\n    - tgt: box2\n'),
  'orch/later-host.sls': `${ONE_HOST['orch/one-host.sls']!.replaceAll('box1', 'box3').replace('.99', '.98')}
second:
  salt.function:
    - name: test.ping
    - tgt: box3
`,
};

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ files: FILES });
  await stack.mustRun('orch', 'one-host', 'pillarenv=prod');
});
afterAll(() => stack?.stop());

/** Everything that could have been touched. */
async function traces(): Promise<unknown> {
  const runs = await stack.json('orch', 'ls');
  const jobs = await stack.json('jobs', 'ls');
  return { runs: runs.value, jobs: jobs.value };
}

describe.sequential('what is wrong is told before anything is touched', () => {
  test.for([
    { words: ['orch', 'deploy-enviroment'], says: ['no orchestration `deploy-enviroment`', 'deploy-environment'] },
    { words: ['orch', 'deploy-environment', 'pillarenv=prd'], says: ['no pillar environment `prd`', 'prod'] },
    { words: ['orch', 'bad-yaml'], says: ['orch/bad-yaml.sls:4'] },
    { words: ['orch', 'undefined'], says: ['orch/undefined.sls:4', 'hosts'] },
    {
      words: ['orch', 'unknown-kind'],
      says: ['orch/unknown-kind.sls:8', 'salt.funktion', 'did you mean `salt.function`'],
    },
    { words: ['orch', 'unknown-argument'], says: ['orch/unknown-argument.sls:10', '`target`'] },
    {
      words: ['orch', 'unknown-function'],
      says: ['orch/unknown-function.sls:8', '`test.pong`', 'did you mean `test.ping`'],
    },
    { words: ['orch', 'unknown-runner'], says: ['orch/unknown-runner.sls:8', 'did you mean `cloud.provision`'] },
    { words: ['orch', 'bad-call'], says: ['orch/bad-call.sls:8', '`cwdd`', 'did you mean `cwd`'] },
    { words: ['orch', 'no-host'], says: ['orch/no-host.sls:8', '`box2`', 'selects no host'] },
    { words: ['box1', 'test.pong'], says: ['`test.pong`', 'did you mean `test.ping`'] },
    { words: ['box1', 'cmd.run', 'true', 'cwdd=/'], says: ['`cwdd`', 'did you mean `cwd`'] },
    { words: ['orch', 'one-host', 'pilarenv=prod'], says: ['pilarenv', 'pillarenv'] },
  ])('edge-run $words', async ({ words, says }) => {
    const before = await traces();
    const ended = await stack.run(...words);
    expect(ended.exitCode, said(ended)).toBe(2);
    for (const text of says) expect(ended.stderr).toContain(text);
    expect(ended.stdout).toBe('');
    expect(await traces()).toEqual(before);
  });

  test('the same errors are data with -o json', async () => {
    const { exitCode, value } = await stack.json<{ error: { diagnostics: { code: string; source: object }[] } }>(
      'orch',
      'no-host',
    );
    expect(exitCode).toBe(2);
    expect(value.error.diagnostics).toMatchObject([
      { code: 'EDGE_TARGET_MATCHES_NOTHING', source: { file: 'orch/no-host.sls', line: 8 } },
    ]);
  });

  test('a target that selects nobody is exit code 2', async () => {
    const ended = await stack.run('nobody*', 'test.ping');
    expect(ended.exitCode, said(ended)).toBe(2);
    expect(ended.stderr).toContain('nobody* selects nobody');
  });

  test('a broker that is not there is told at once, with where the address came from', async () => {
    const { ended } = stack.start(['orch', 'ls'], { env: { EDGE_NATS_URL: 'nats://127.0.0.1:1' } });
    expect(await ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect((await ended).stderr).toMatch(/nats:\/\/127\.0\.0\.1:1.*connection refused/s);
    expect((await ended).stderr).toContain('EDGE_NATS_URL');
  });

  test('a host that an earlier step brings up is no mistake', async () => {
    const ended = await stack.run('orch', 'later-host', 'pillarenv=prod');
    expect(ended.exitCode, said(ended)).toBe(0);
  });
});
