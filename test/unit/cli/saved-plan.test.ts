import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runLine, type Script } from '../../support/command-line.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-saved-'));
  file = join(dir, 'a.plan');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const KEY = 'file_|-/etc/motd_|-/etc/motd_|-managed';
const HOOK = 'cmd_|-hook_|-./hook.sh_|-run';

/** What a host answers to `state.plan`; `port` is what differs between hosts and times. */
function planned(port: number): JsonValue {
  const common = { __sls__: 'motd', comment: 'would be updated', start_time: '10:00:00.000001' };
  return {
    plan: { chunks: [] },
    record: {
      facts: { os: 'd1' },
      pillar: { port: `p${port}` },
      files: { 'base:motd.sls': 'f1' },
      steps: [[KEY, 's1']],
      effects: { [KEY]: `e${port}` },
    },
    digest: `sha256:${port}`,
    states: {
      [KEY]: { ...common, __run_num__: 0, result: null, changes: { diff: `@@ -1 +1 @@\n-port 1\n+port ${port}\n` } },
      [HOOK]: { ...common, __run_num__: 1, result: null, changes: {}, comment: 'its effect is not known' },
    },
  };
}

/** A master whose hosts answer `state.plan` with `answers`; everything else succeeds. */
function fleet(answers: Record<string, JsonValue | 'unreachable'>, selects = Object.keys(answers)): Script {
  let fun = '';
  return {
    match: () => ({ ids: selects, missing: [] }),
    'jobs.publish': (args) => {
      fun = args.fun;
      return { jid: 'j1', targets: Object.keys(answers) };
    },
    'jobs.show': () => ({
      ...{ jid: 'j1', fun, args: [], kwargs: [], target: '*', targets: Object.keys(answers), by: 'user:me' },
      ...{ startedAt: 1000, endedAt: 2000 },
      outcomes: Object.fromEntries(
        Object.entries(answers).map(([id, ret]) => [id, ret === 'unreachable' ? 'unreachable' : 'succeeded']),
      ),
      returns: Object.entries(answers).map(([id, ret]) =>
        ret === 'unreachable'
          ? { id, outcome: 'unreachable' as const, evidence: 'no connection' }
          : { id, outcome: 'succeeded' as const, ret: fun === 'state.plan' ? ret : {}, retcode: 0 },
      ),
    }),
  };
}

const save = (script: Script) => runLine(['state', 'plan', 'web*', 'motd', 'test=True', '--save', file], script);
const functions = (asked: readonly { name: string; args: unknown }[]): unknown[] =>
  asked.filter(({ name }) => name === 'jobs.publish').map(({ args }) => (args as { fun: string }).fun);

describe('state plan --save', () => {
  it('shows hosts that answered alike once, with diffs, and the totals', async () => {
    const { stdout, stderr, exitCode } = await save(fleet({ web1: planned(2), web2: planned(2), web9: planned(3) }));
    expect(stdout).toMatchInlineSnapshot(`
      "  web[1-2]   (2 hosts, same plan)
          ~ file.managed /etc/motd  would change       motd
              @@ -1 +1 @@
              -port 1
              +port 2
          ? cmd.run ./hook.sh (hook)  effect unknown   motd
              its effect is not known
          2 states: 1 to change, 1 unknown
        web9
          ~ file.managed /etc/motd  would change       motd
              @@ -1 +1 @@
              -port 1
              +port 3
          ? cmd.run ./hook.sh (hook)  effect unknown   motd
              its effect is not known
          2 states: 1 to change, 1 unknown
      Plan: 3 to change, 3 unknown on 3 hosts.  Nothing was changed.
      "
    `);
    expect(stderr).toContain(`Apply exactly this:  edge-run apply ${file}`);
    expect(exitCode).toBe(0);
  });
  it('saves nothing when a host did not answer', async () => {
    const { exitCode, stderr } = await save(fleet({ web1: planned(2), web2: 'unreachable' }));
    expect([exitCode, stderr.includes('not saved')]).toEqual([6, true]);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });
  it('exits 3 with --detailed-exitcode when something would change', async () => {
    const words = ['state', 'plan', 'web*', 'motd', '--save', file, '--detailed-exitcode'];
    expect((await runLine(words, fleet({ web1: planned(2) }))).exitCode).toBe(3);
  });
});

describe('apply', () => {
  it('asks every host of the plan to look again, then to apply what it looked at', async () => {
    await save(fleet({ web1: planned(2), web2: planned(3) }));
    const { exitCode, asked } = await runLine(['apply', file], fleet({ web1: planned(2), web2: planned(3) }));
    expect(exitCode).toBe(0);
    expect(functions(asked)).toEqual(['state.plan', 'state.apply_plan']);
    const { target, kwargs } = lastJob(asked);
    expect(target).toEqual({ expr: ['web1', 'web2'], type: 'list' });
    expect(Object.fromEntries(kwargs)).toMatchObject({ expected: { web1: 'sha256:2', web2: 'sha256:3' } });
    expect(Object.fromEntries(kwargs)).not.toHaveProperty('test');
  });
  it('touches no host when one has moved, and names what did', async () => {
    await save(fleet({ web1: planned(2), web2: planned(3) }));
    const { exitCode, asked, stderr } = await runLine(['apply', file], fleet({ web1: planned(2), web2: planned(4) }));
    expect(exitCode).toBe(8);
    expect(functions(asked)).toEqual(['state.plan']);
    expect(stderr).toContain('web2: pillar port has changed');
    expect(stderr).toContain('web2: host: file.managed /etc/motd would change something else now');
    expect(stderr).not.toContain('web1:');
  });
  it('refuses when the target selects another host by now', async () => {
    await save(fleet({ web1: planned(2) }));
    const { exitCode, asked, stderr } = await runLine(['apply', file], fleet({ web1: planned(2) }, ['web1', 'web3']));
    expect([exitCode, functions(asked)]).toEqual([8, []]);
    expect(stderr).toContain('web3: web* selects it now');
  });
  it('touches no host when one does not answer', async () => {
    await save(fleet({ web1: planned(2), web2: planned(2) }));
    const { exitCode, asked } = await runLine(['apply', file], fleet({ web1: planned(2), web2: 'unreachable' }));
    expect([exitCode, functions(asked)]).toEqual([6, ['state.plan']]);
  });
  it.each([
    ['nothing there', undefined],
    ['no JSON', 'plan:'],
    ['another JSON', '{"version": 2}'],
  ])('refuses a file that is no plan: %s', async (_what, text) => {
    if (text !== undefined) await writeFile(file, text);
    const { exitCode, stderr, asked } = await runLine(['apply', file]);
    expect([exitCode, asked]).toEqual([2, []]);
    expect(stderr).toContain('EDGE_PLAN_INVALID');
  });
});

function lastJob(asked: readonly { name: string; args: unknown }[]): { target: unknown; kwargs: [string, unknown][] } {
  return asked.findLast(({ name }) => name === 'jobs.publish')!.args as ReturnType<typeof lastJob>;
}
