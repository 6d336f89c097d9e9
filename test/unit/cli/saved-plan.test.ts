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
  it('names once what moved alike on several hosts', async () => {
    const hosts = ['web1', 'web2', 'web3', 'db1'];
    const all = (port: number): Record<string, JsonValue> => Object.fromEntries(hosts.map((id) => [id, planned(port)]));
    await save(fleet(all(2)));
    const { stderr } = await runLine(['apply', file], fleet({ ...all(4), db1: planned(2) }));
    expect(stderr.match(/pillar port has changed/g)).toHaveLength(1);
    expect(stderr).toContain('web[1-3]: pillar port has changed');
    expect(stderr).not.toContain('db1');
  });
  it('says the first things of a long list, and how many more there are', async () => {
    const many = (digest: string): JsonValue => {
      const plan = planned(2) as { record: { steps: unknown } };
      const steps = Array.from({ length: 3_000 }, (_, index) => [`test_|-s${index}_|-s${index}_|-nop`, digest]);
      return { ...plan, digest, record: { ...plan.record, steps } } as JsonValue;
    };
    await save(fleet({ web1: many('a') }));
    const { stderr } = await runLine(['apply', file], fleet({ web1: many('b') }));
    expect(stderr).toContain('web1: state test.nop s0 has changed');
    expect(stderr).toContain('web1: and 2980 more');
  });
  it('refuses when the target selects another host by now', async () => {
    await save(fleet({ web1: planned(2) }));
    const { exitCode, asked, stderr } = await runLine(['apply', file], fleet({ web1: planned(2) }, ['web1', 'web3']));
    expect([exitCode, functions(asked)]).toEqual([8, []]);
    expect(stderr).toContain('web3: web* selects it now');
  });
  it('exits 8 when a host moved between the two looks and refused by itself', async () => {
    await save(fleet({ web1: planned(2), web2: planned(3) }));
    const script = fleet({ web1: planned(2), web2: planned(3) });
    const error = { code: 'EDGE_PLAN_STALE', message: 'web2 is not as it was', details: {} };
    const { exitCode, stdout } = await runLine(['apply', file], {
      ...script,
      'jobs.show': async (args, publish) => {
        const shown = await script['jobs.show']!(args, publish);
        if (shown.fun === 'state.plan') return shown;
        const [web1] = shown.returns;
        const web2 = { id: 'web2', outcome: 'failed' as const, ret: error.message, retcode: 1, error };
        return { ...shown, returns: [web1!, web2], outcomes: { web1: 'succeeded', web2: 'failed' } };
      },
    });
    expect(exitCode).toBe(8);
    expect(stdout).toContain('✗ web2');
    expect(stdout).toContain('EDGE_PLAN_STALE web2 is not as it was');
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

describe('a plan made with pillar=', () => {
  const hidden = 'hunter2-of-the-line';
  const pillar = `pillar={db: {password: ${hidden}, port: 5}}`;
  /** What a host answers may hold the value anywhere. */
  const told = (): JsonValue => ({ ...(planned(2) as object), plan: { chunks: [{ name: hidden }] } });
  const saveIt = () => runLine(['state', 'plan', 'web*', 'motd', pillar, '--save', file], fleet({ web1: told() }));

  it('holds neither the values nor what follows from them', async () => {
    const { stderr } = await saveIt();
    const text = await readFile(file, 'utf8');
    expect(text).not.toMatch(/hunter2|password|motd_\|-/);
    expect(stderr).toContain(`edge-run apply ${file} pillar='…'`);
    expect(stderr).not.toContain(hidden);
  });
  it('is applied with the same values, in whatever order of keys', async () => {
    await saveIt();
    const again = `pillar={db: {port: 5, password: ${hidden}}}`;
    const { exitCode, asked } = await runLine(['apply', file, again], fleet({ web1: told() }));
    expect([exitCode, functions(asked)]).toEqual([0, ['state.plan', 'state.apply_plan']]);
    const jobs = asked
      .filter(({ name }) => name === 'jobs.publish')
      .map(({ args }) => args as ReturnType<typeof lastJob>);
    for (const { kwargs } of jobs)
      expect(Object.fromEntries(kwargs)).toMatchObject({ pillar: { db: { port: 5, password: hidden } } });
  });
  it.each([
    ['without them', [], 2, 'EDGE_MISSING_ARGUMENT'],
    ['with others', ['pillar={db: {password: x, port: 5}}'], 8, 'EDGE_PLAN_STALE'],
    ['with anything else', ['test=True'], 2, 'EDGE_UNKNOWN_ARGUMENT'],
  ])('is refused %s', async (_how, words, code, error) => {
    await saveIt();
    const { exitCode, stderr, asked } = await runLine(['apply', file, ...words], fleet({ web1: told() }));
    expect([exitCode, asked]).toEqual([code, []]);
    expect(stderr).toContain(error);
  });
  it('is the only one that takes them', async () => {
    await save(fleet({ web1: planned(2) }));
    const { exitCode, asked } = await runLine(['apply', file, pillar], fleet({ web1: planned(2) }));
    expect([exitCode, asked]).toEqual([2, []]);
  });
});

function lastJob(asked: readonly { name: string; args: unknown }[]): { target: unknown; kwargs: [string, unknown][] } {
  return asked.findLast(({ name }) => name === 'jobs.publish')!.args as ReturnType<typeof lastJob>;
}

describe('state plan', () => {
  const states = (port: number): JsonValue => (planned(port) as { states: JsonValue }).states;
  /** Answers in this order, each with its outcome. */
  type Answered = readonly [id: string, ret: JsonValue, outcome?: 'succeeded' | 'failed'];
  const answering = (...hosts: readonly Answered[]): Script => ({
    'jobs.publish': () => ({ jid: 'j1', targets: hosts.map(([id]) => id) }),
    'jobs.show': () => ({
      ...{ jid: 'j1', fun: 'state.apply', args: [], kwargs: [], target: '*', by: 'user:me' },
      ...{ startedAt: 1000, endedAt: 2000, targets: hosts.map(([id]) => id) },
      outcomes: Object.fromEntries(hosts.map(([id, , outcome = 'succeeded']) => [id, outcome])),
      returns: hosts.map(([id, ret, outcome = 'succeeded']) => ({
        id,
        outcome,
        ret,
        retcode: outcome === 'failed' ? 2 : 0,
      })),
    }),
  });
  const fleetOf = (): Answered[] => [
    ['web10', states(2)],
    ['db1', ['error[EDGE_SLS_NOT_FOUND]: no such SLS'], 'failed'],
    ['web9', states(2)],
    ['lb1', states(3)],
    ['web2', states(2)],
  ];

  it('groups who answered alike, failures last, in an order that arrival has no part in', async () => {
    const first = await runLine(['state', 'plan', '*', 'motd'], answering(...fleetOf()));
    const second = await runLine(['state', 'plan', '*', 'motd'], answering(...fleetOf().reverse()));
    expect(second.stdout).toBe(first.stdout);
    const titles = first.stdout
      .split('\n')
      .filter((line) => /^. \S/.test(line) && !/^Plan/.test(line))
      .map((line) => line.replace(/ {3,}/, '   '));
    expect(titles).toEqual([
      '  lb1',
      '  web2, web[9-10]   (3 hosts, same plan)',
      '✗ db1   failed (exit 2): error[EDGE_SLS_NOT_FOUND]: no such SLS',
    ]);
    expect(first.stdout.trimEnd().split('\n').at(-1)).toBe(
      'Plan: 4 to change, 4 unknown on 4 hosts, 1 host without a plan.  Nothing was changed.',
    );
    expect(first.exitCode).toBe(1);
  });
  it('says so when there is nothing to do', async () => {
    const { stdout } = await runLine(
      ['state', 'apply', '*', 'motd', 'test=True'],
      answering(['web1', { [KEY]: { result: true, changes: {}, comment: '', __run_num__: 0 } }]),
    );
    expect(stdout).toBe('  web1\n    1 state: 1 unchanged\nPlan: nothing to change on 1 host.  Nothing was changed.\n');
  });
  it('is not started when the states compile on no host, and shows the errors as they are', async () => {
    const errors = ['error[EDGE_SLS_NOT_FOUND]: no such SLS\n  = help: write one', 'error[EDGE_SLS_SHAPE]: and that'];
    const { exitCode, stdout } = await runLine(
      ['state', 'plan', '*', 'motd'],
      answering(['web1', errors, 'failed'], ['web2', errors, 'failed']),
    );
    expect(exitCode).toBe(2);
    expect(stdout).toMatchInlineSnapshot(`
      "✗ web[1-2]   (2 hosts)
          failed (exit 2)
          error[EDGE_SLS_NOT_FOUND]: no such SLS
            = help: write one
          error[EDGE_SLS_SHAPE]: and that
      Plan: none, 2 hosts could not be planned.  Nothing was changed.
      "
    `);
  });
  it('prints the totals alone to people', async () => {
    const { stdout } = await runLine(['state', 'plan', '*', 'motd', '-o', 'json'], answering(['web1', states(2)]));
    expect(JSON.parse(stdout)).toMatchObject({ targets: { web1: { outcome: 'succeeded' } } });
  });
});

describe('state show', () => {
  const low: JsonValue = [
    { state: 'pkg', name: 'nginx', __sls__: 'web', __env__: 'base', __id__: 'nginx', order: 10000, fun: 'installed' },
    {
      ...{ state: 'file', name: '/etc/nginx.conf', __sls__: 'web', __env__: 'base', __id__: 'conf', order: 10001 },
      ...{ fun: 'managed', source: 'salt://nginx.conf', mode: '0644', require: [{ pkg: 'nginx' }] },
    },
  ];
  const script = (fun: string, ret: JsonValue): Script => ({
    'jobs.publish': (args) => {
      expect(args.fun).toBe(fun);
      return { jid: 'j1', targets: ['web1', 'web2'] };
    },
    'jobs.show': () => ({
      ...{ jid: 'j1', fun, args: [], kwargs: [], target: '*', targets: ['web1', 'web2'], by: 'user:me' },
      ...{ startedAt: 1000, endedAt: 2000, outcomes: { web1: 'succeeded', web2: 'succeeded' } },
      returns: ['web1', 'web2'].map((id) => ({ id, outcome: 'succeeded' as const, ret, retcode: 0 })),
    }),
  });

  it('prints the states in their order, with what they were given and what they need', async () => {
    const { stdout, exitCode } = await runLine(['state', 'show', 'web*', 'web'], script('state.show_lowstate', low));
    expect(stdout).toMatchInlineSnapshot(`
      "  web[1-2]   (2 hosts)
          1  pkg.installed nginx   web
          2  file.managed /etc/nginx.conf (conf)   web
               source: salt://nginx.conf
               mode: 0644
               require: pkg: nginx
      "
    `);
    expect(exitCode).toBe(0);
  });
  it('gives programs the low data as it is', async () => {
    const { stdout } = await runLine(['state', 'show', 'web*', '-o', 'json'], script('state.show_lowstate', low));
    expect(JSON.parse(stdout)).toMatchObject({ targets: { web1: { ret: low }, web2: { ret: low } } });
  });
  it('state top prints which SLS files each environment gives, once for hosts alike', async () => {
    const { stdout } = await runLine(['state', 'top', 'web*'], script('state.show_top', { base: ['web', 'motd'] }));
    expect(stdout).toMatchInlineSnapshot(`
      "  web[1-2]   (2 hosts)
          base:
            - web
            - motd
      "
    `);
  });
});
