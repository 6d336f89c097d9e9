import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/processes.ts';
import { describe as said, startStack, type TestStack } from '../support/stack.ts';

const BOXES = ['box1', 'box2', 'box3'];
const hostOf = (id: string, index: number): string => `\
        ${id}:
          role: box
          address: {{ salt['config.get']('fleet:network') }}.${90 + index}
          home: {{ salt['config.get']('fleet:home') }}/prod/${id}
`;
const FILES = {
  'orch/boxes.sls': `\
boxes:
  salt.runner:
    - name: cloud.provision
    - environment: prod
    - hosts:
${BOXES.map(hostOf).join('')}`,
};

interface Job {
  readonly jid: string;
  readonly targets: Readonly<Record<string, { readonly outcome: string; readonly ret?: unknown }>>;
  readonly rerunOf?: string;
}

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({
    files: FILES,
    config: 'returners:\n  archive:\n    type: file\n    path: archive/history.jsonl\n',
  });
  await stack.mustRun('orch', 'boxes', 'pillarenv=prod');
});
afterAll(() => stack?.stop());

describe.sequential('jobs', () => {
  test('in batches: one job, followed to its end', async () => {
    const ended = await stack.json<Job>('*', 'test.sleep', '1', '--batch', '1', '--batch-wait', '0');
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(Object.keys(ended.value.targets).sort()).toEqual(BOXES);
    const { value } = await stack.json<{ jid: string; targets: number }[]>('jobs', 'ls', '--limit', '1');
    expect(value).toMatchObject([{ jid: ended.value.jid, targets: 3, counts: { succeeded: 3 } }]);
  });

  test('a batch goes on when the command line has left and the master is killed and started again', async () => {
    const { stdout } = await stack.mustRun('*', 'test.sleep', '2', '--batch', '1', '--async');
    const jid = stdout.trim();
    process.kill(await stack.masterPid(), 'SIGKILL');
    await stack.mustRun('up');
    const ended = await stack.json<Job>('jobs', 'watch', jid);
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(Object.values(ended.value.targets).map(({ outcome }) => outcome)).toEqual(Array(3).fill('succeeded'));
  });

  test('a gate behind each batch has the last word', async () => {
    const gate = (code: string): string[] => ['--gate', `{fun: cmd.retcode, arg: ["exit ${code}"], on: master}`];
    const good = await stack.json<Job>(
      '*',
      'test.ping',
      '--batch',
      '1,100%',
      '--gate',
      '{fun: test.ping}',
      ...gate('0'),
    );
    expect(good.exitCode, said(good)).toBe(0);
    const bad = await stack.json<Job & { stopped: string }>('*', 'test.ping', '--gate', '[{fun: test.false}]');
    expect(bad.exitCode, said(bad)).toBe(1);
    expect(bad.value.stopped).toContain('the gate behind batch 1 failed: test.false on');
    expect(Object.values(bad.value.targets).map(({ outcome }) => outcome)).toEqual(Array(3).fill('succeeded'));
    for (const [words, problem] of [
      ['test.ping', 'a gate is a mapping'],
      ['{fun: tets.ping}', 'tets.ping'],
    ] as const) {
      const refused = await stack.run('*', 'test.ping', '--gate', words);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain(problem);
    }
  });

  test('a failure, again on those that failed, and out as files', async () => {
    const failed = await stack.json<Job>('*', 'cmd.run', '[ "$HOME" = "" ]', 'python_shell=True');
    expect(failed.exitCode, said(failed)).toBe(1);
    const again = await stack.json<Job>('jobs', 'rerun', '@last-failed', '--only', 'failed');
    expect(again.exitCode, said(again)).toBe(1);
    expect(Object.keys(again.value.targets).sort()).toEqual(BOXES);
    const exported = await stack.json<Job & { arguments: unknown[] }>('jobs', 'export', again.value.jid);
    expect(exported.value).toMatchObject({ rerunOf: failed.value.jid, arguments: ['[ "$HOME" = "" ]'] });
    const csv = await stack.mustRun('jobs', 'export', again.value.jid, '-o', 'csv');
    expect(csv.stdout.split('\r\n')).toHaveLength(5);
    const junit = await stack.mustRun('jobs', 'export', again.value.jid, '-o', 'junit');
    expect(junit.stdout).toContain('tests="3" failures="3" errors="0"');
  });

  test('nobody: exit code 2, a hint, and no job', async () => {
    const before = (await stack.json<Job[]>('jobs', 'ls')).value.length;
    const ended = await stack.run('-G', 'role:nobody', 'test.ping');
    expect(ended.exitCode, said(ended)).toBe(2);
    expect(ended.stderr).toContain("edge-run match --grain 'role:nobody' --all");
    expect((await stack.json<Job[]>('jobs', 'ls')).value).toHaveLength(before);
  });

  test('match says by what', async () => {
    const ended = await stack.run('match', '-C', 'box1 or G@id|box2', '--all');
    expect(ended.stdout + ended.stderr).toContain('box1');
    const other = await stack.run('match', '-G', 'id|box2', '--delimiter', '|');
    expect(other.exitCode, said(other)).toBe(0);
    expect(other.stdout).toMatch(/^\+ box2 +id is "box2", matches\n$/);
  });

  test('a kill waits for definite ends', async () => {
    const { stdout } = await stack.mustRun('*', 'test.sleep', '100', '--async');
    const killed = await stack.json<{ outcomes: object }>('jobs', 'kill', stdout.trim(), '--yes');
    expect(killed.value.outcomes).toEqual(Object.fromEntries(BOXES.map((id) => [id, 'cancelled'])));
    expect((await stack.run('jobs', 'watch', stdout.trim())).exitCode).toBe(130);
  });

  test('a host over its limit is timed out: exit code 124', async () => {
    const ended = await stack.run('box1', 'test.sleep', '60', '--timeout', '1s');
    expect(ended.exitCode, said(ended)).toBe(124);
  });

  test('everything is in the file of the returner, once or more, over the death of the master', async () => {
    const { value: jobs } = await stack.json<{ jid: string }[]>('jobs', 'ls', '--limit', '1000');
    const wanted = jobs.flatMap(({ jid }) => [`job/${jid}/published`, `job/${jid}/ended`]);
    await eventually(async () => {
      const text = await readFile(join(stack.project, 'archive/history.jsonl'), 'utf8');
      const records = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { id: string; kind: string });
      const ids = new Set(records.map(({ id }) => id));
      const kinds = new Set(records.map(({ kind }) => kind));
      return (
        wanted.every((id) => ids.has(id)) &&
        kinds.has('run-started') &&
        kinds.has('step-ended') &&
        kinds.has('run-ended')
      );
    }, 'every job and the run are told');
  });
});
