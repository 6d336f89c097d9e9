import { plainStyle, renderOrchPlan, renderRunTree, visibleWidth } from '@edge-run/cli/output';
import type {
  RunGraph,
  RunJournalEvent,
  RunPreview,
  RunSummary,
  StepProgress,
  StepReturn,
} from '@edge-run/shared/protocol';
import { foldRun, orchPlanOf, type RunView, unknownRun } from '@edge-run/shared/view';
import { beforeAll, describe, expect, it } from 'vitest';
import { runLine, type Script } from '../../support/command-line.ts';

// Reading words loads a good deal, once: not in the time of a case.
beforeAll(() => runLine(['orch', 'deploy', '--no-wait']), 60_000);

type Event = RunJournalEvent | StepProgress;
type Planned = Extract<RunJournalEvent, { type: 'run-planned' }>;

const summary = (id: string): Planned['steps'][number] => ({
  ...{ key: id, id, name: id, kind: 'salt.state', sls: 'orch.deploy', place: { file: 'orch/deploy.sls', line: 41 } },
});

const planned = (more: Partial<Planned> = {}): Planned => ({
  ...{
    type: 'run-planned',
    run: 'R1',
    at: 0,
    name: 'orch.deploy',
    by: 'ana',
    inputs: { pillarenv: 'prod' },
    plan: null,
  },
  steps: ['preflight', 'build', 'web-tier', 'smoke'].map(summary),
  ...more,
});

const options: NonNullable<Planned['options']> = {
  ...{ locks: ['env/prod'], onFailure: 'rollback', onTargetFailure: 'stop' },
};

const started = (step: string, at: number, attempt = 1, run = 'R1'): RunJournalEvent => ({
  ...{ type: 'step-started', run, at, step, attempt, mode: 'run' },
});

const ended = (
  step: string,
  at: number,
  tookMs: number,
  answer: Partial<StepReturn> = {},
  run = 'R1',
): RunJournalEvent => ({
  ...{ type: 'step-ended', run, at, step, attempt: 1, mode: 'run', startedAt: at - tookMs, durationMs: tookMs },
  outcome: answer.result === false ? 'failed' : 'succeeded',
  answer: { result: true, changes: {}, comment: '', ...answer },
});

const webAnswer: StepReturn = {
  ...{ result: false, changes: {}, comment: 'health gate failed' },
  hosts: {
    web1: { outcome: 'succeeded', ret: { restarted: true } },
    web3: { outcome: 'failed', evidence: 'GET /healthz -> 503, 3 of 3', ret: 'FATAL: relation "orders_v2"' },
  },
};
const failedWeb = ended('web-tier', 20_000, 9_000, webAnswer);

const progress = (step: string, at: number, phase: string, host: string): StepProgress => ({
  ...{ type: 'step-progress', run: 'R1', at, step, phase, host },
});

const movedFleet = [
  { target: 'web*', targetType: 'glob', steps: ['web-tier', 'smoke'], came: ['web4', 'web5'], gone: ['web1'] },
];

const fold = (events: readonly Event[], run = 'R1'): RunView => events.reduce(foldRun, unknownRun(run));
const draw = (view: RunView, more: Partial<Parameters<typeof renderRunTree>[1]> = {}): string =>
  renderRunTree(view, { now: 30_000, width: 110, style: plainStyle, ...more }).join('\n');

describe('the live tree', () => {
  it('says what needs what, how the steps fare, and about how long it will take', () => {
    const view = fold([
      planned({ options }),
      { type: 'run-locked', run: 'R1', at: 1, locks: ['env/prod'] },
      started('preflight', 10),
      ended('preflight', 2_110, 2_100, { comment: '6 checks' }),
      started('build', 2_200),
      { type: 'step-progress', run: 'R1', at: 3_000, step: 'build', host: 'ci1', phase: 'running', detail: 'job 7' },
    ]);
    const stats = (id: string, p50Ms: number): { id: string; n: number; p50Ms: number; p90Ms: number } => ({
      ...{ id, n: 41, p50Ms, p90Ms: 2 * p50Ms },
    });
    const usual = {
      name: 'orch.deploy',
      run: { n: 41, p50Ms: 280_000, p90Ms: 400_000 },
      steps: [stats('preflight', 2_000), stats('build', 40_000), stats('web-tier', 200_000), stats('smoke', 38_000)],
    };
    const needs = { 'web-tier': ['preflight', 'build'], smoke: ['web-tier'] };
    expect(draw(view, { usual, needs, hint: '^C once: leave it running' })).toMatchInlineSnapshot(`
      "run R1  orch.deploy  pillarenv=prod  by ana  lock env/prod (held)
      ✓ preflight      salt.state  6 checks                                                                    2.1 s
      ▶ build          salt.state                                                                             27.8 s
        ▶ ci1          running job 7                                                                          27.0 s
      · web-tier       salt.state  needs build
      · smoke          salt.state  needs web-tier
      ─ 1/4 steps  0/1 targets  0 failed   30.0 s   about 4 min left (p50 of 41 runs: 4m 40s)
      ^C once: leave it running"
    `);
    expect(draw(view, { usual: { ...usual, run: { ...usual.run, p50Ms: 0 } } })).toContain(
      'longer than usual (p50 of 41',
    );
  });

  it('names the next command for everything somebody has to do', () => {
    const approvals = { count: 2, expiresMs: 3_600_000, self: false };
    const digest = 'sha256:4be1c07a99aa';
    const careful = planned({ options: { ...options, approvals }, digest });
    const approved: RunJournalEvent = { type: 'run-approved', run: 'R1', at: 9_000, by: 'bob', digest, comment: 'ok' };
    expect(draw(fold([careful, approved]))).toMatchInlineSnapshot(`
      "run R1  orch.deploy  pillarenv=prod  by ana
      ? waits for 1 of 2 approvals (bob) of plan 4be1c07a…, not by ana; expires in 59m   30.0 s
        next: edge-run approve R1
          or: edge-run reject R1
      · preflight      salt.state
      · build          salt.state
      · web-tier       salt.state
      · smoke          salt.state
      ─ 0/4 steps  0 failed   30.0 s"
    `);
    const asked: RunJournalEvent = {
      ...{ type: 'run-asked', run: 'R1', at: 20_000, step: 'web-tier', mode: 'run', attempt: 1, startedAt: 11_000 },
      ...{ durationMs: 9_000, answer: webAnswer },
    };
    expect(draw(fold([planned(), started('web-tier', 11_000), asked]))).toMatchInlineSnapshot(`
      "run R1  orch.deploy  pillarenv=prod  by ana
      ? step web-tier failed: health gate failed; what now?   10.0 s
        next: edge-run orch answer R1 retry|skip|rollback|abort
      · preflight      salt.state
      · build          salt.state
      ? web-tier       salt.state  failed, what now?  health gate failed                                      19.0 s
        ✓ web1         succeeded
        ✗ web3         failed GET /healthz -> 503, 3 of 3
      · smoke          salt.state
      ─ 0/4 steps  2/2 targets  0 failed   30.0 s"
    `);
    const paused: RunJournalEvent = { type: 'run-paused', run: 'R1', at: 25_000, by: 'ana', reason: 'lunch' };
    expect(draw(fold([planned(), paused]))).toContain(
      '⏸ paused by ana 5s ago: lunch   5.0 s\n  next: edge-run orch resume R1',
    );
    const holders = [{ lock: 'env/prod', run: 'R0', name: 'orch.deploy', by: 'bob' }];
    const queued: RunJournalEvent = { type: 'run-queued', run: 'R1', at: 0, locks: ['env/prod'], position: 2, holders };
    const holder = fold([planned({ run: 'R0' }), { type: 'run-locked', run: 'R0', at: 0, locks: ['env/prod'] }], 'R0');
    expect(draw(fold([planned(), queued]), { related: { R0: holder } })).toContain(
      '⏸ waits: position 2 for lock env/prod held by run R0 orch.deploy (by bob) since 30s ago   30.0 s\n' +
        '  next: edge-run orch show R0',
    );
  });

  it('draws the rollback below the steps, with what stays as it is', () => {
    const view = fold([
      planned({ options }),
      ended('preflight', 2_000, 100),
      ended('build', 3_000, 100),
      failedWeb,
      {
        type: 'run-rolling-back',
        run: 'R1',
        at: 21_000,
        rollback: 'R2',
        reason: 'web-tier failed',
        steps: ['build', 'web-tier'],
      },
    ]);
    const undo = [
      planned({ run: 'R2', rollbackOf: 'R1', steps: ['web-tier', 'build'].map(summary) }),
      ended('web-tier', 24_000, 3_000, { comment: 'back to release 4.17.2' }, 'R2'),
      started('build', 25_000, 1, 'R2'),
    ];
    expect(draw(view, { related: { R2: fold(undo, 'R2') } })).toMatchInlineSnapshot(`
      "run R1  orch.deploy  pillarenv=prod  by ana
      ✓ preflight      salt.state                                                                              0.1 s
      ✓ build          salt.state                                                                              0.1 s
      ✗ web-tier       salt.state  failed  health gate failed                                                  9.0 s
        ✓ web1         succeeded
        ✗ web3         failed GET /healthz -> 503, 3 of 3
      · smoke          salt.state
      ↩ rolling back 2 steps …   because web-tier failed
        ✓ web-tier     back to release 4.17.2                                                                  3.0 s
        ▶ build                                                                                                5.0 s
        – preflight    stays: it declares no \`undo\`
      ─ 3/4 steps  2/2 targets  1 failed   30.0 s"
    `);
    expect(draw(view)).toContain('  · build');
  });

  it('shows steps that are kept and hosts that are left out', () => {
    const view = fold([
      planned({
        ...{ retryOf: 'R0', kept: [{ step: 'build', answer: { result: true, changes: {}, comment: 'shop 4.18.0' } }] },
        onlyHosts: { 'web-tier': ['web2', 'web3'] },
      }),
      { type: 'hosts-dropped', run: 'R1', at: 5, step: 'preflight', hosts: ['web9'] },
      { type: 'run-moved', run: 'R1', at: 6, moved: [{ what: 'states', was: 'a41f', is: '77c0' }], fleet: movedFleet },
    ]);
    expect(draw(view)).toMatchInlineSnapshot(`
      "run R1  orch.deploy  pillarenv=prod  by ana  takes up run R0
      ~ states moved since the plan was made: a41f -> 77c0; the plan goes on with what it was made of
      ~ target web* of web-tier, smoke: web[4-5] came; web1 gone since the plan was made
      ! web9 is left out: it failed in preflight
      · preflight      salt.state
      ✓ build          salt.state  kept  shop 4.18.0
      · web-tier       salt.state  only web[2-3]
      · smoke          salt.state
      ─ 1/4 steps  0 failed   30.0 s"
    `);
  });

  it('keeps to the width and height it has, whatever there is to say', () => {
    const view = fold([
      planned({ options }),
      ended('build', 3_000, 100),
      failedWeb,
      { type: 'run-rolling-back', run: 'R1', at: 21_000, rollback: 'R2', reason: 'x'.repeat(200), steps: ['build'] },
    ]);
    for (const height of [3, 5, 8, 12]) {
      const lines = renderRunTree(view, { now: 30_000, width: 40, height, style: plainStyle, hint: 'y'.repeat(90) });
      expect(lines.length).toBeLessThanOrEqual(height);
      for (const line of lines) expect(visibleWidth(line)).toBeLessThanOrEqual(40);
    }
  });
});

/** A master that knows these journals. */
const knowing = (journals: Readonly<Record<string, readonly RunJournalEvent[]>>, more: Script = {}): Script => ({
  'orch.show': ({ run }) => ({ run, events: [...journals[run]!] }),
  ...more,
});

const rolledBack: readonly RunJournalEvent[] = [
  planned({ options }),
  ended('preflight', 2_000, 100),
  ended('build', 3_000, 100),
  failedWeb,
  {
    type: 'run-rolling-back',
    run: 'R1',
    at: 21_000,
    rollback: 'R2',
    reason: 'web-tier failed',
    steps: ['build', 'web-tier'],
  },
  {
    type: 'run-rolled-back',
    run: 'R1',
    at: 40_000,
    rollback: 'R2',
    outcome: 'succeeded',
    steps: ['build', 'web-tier'],
  },
  { type: 'run-ended', run: 'R1', at: 41_000, outcome: 'rolled-back', exitCode: 5 },
];
const undoing: readonly RunJournalEvent[] = [
  planned({ run: 'R2', rollbackOf: 'R1', steps: ['web-tier', 'build'].map(summary) }),
  ended('web-tier', 24_000, 3_000, { comment: 'back to release 4.17.2' }, 'R2'),
  ended('build', 26_000, 1_000, {}, 'R2'),
  { type: 'run-ended', run: 'R2', at: 39_000, outcome: 'succeeded', exitCode: 0 },
];

describe('edge-run orch plan', () => {
  it('lists what templates call, with whom and where, before the first step', () => {
    const none = { by: 'orchestration' as const, args: [], kwargs: {} };
    const rendering: Planned['rendering'] = [
      { ...none, by: 'pillar', to: 'master', fun: 'mine.get', args: ['*'], effect: 'nothing' },
      {
        ...{ ...none, to: 'hosts', fun: 'test.ping', effect: 'nothing', place: { file: 'orch/map.jinja', line: 7 } },
        ...{ target: { expr: 'web*', type: 'glob' }, hosts: ['web1', 'web2'] },
      },
      {
        ...none,
        to: 'master',
        fun: 'cmd.shell',
        kwargs: { cmd: 'x\u001b' },
        effect: 'unknown',
        why: 'it is a command',
      },
    ];
    const plan = orchPlanOf([planned({ rendering, steps: [] })], new Map())!;
    expect(renderOrchPlan(plan, [], { style: plainStyle, verbose: false })).toMatchInlineSnapshot(`
      "plan of orch.deploy pillarenv=prod  …

      while rendering
          · mine.get * on the master   in the pillar
          · test.ping on web* = web[1-2]   orch/map.jinja:7
          ? cmd.shell cmd=x\\x1b on the master   effect unknown: it is a command

      Plan: 0 steps: none. 0 calls on 0 hosts.  Nothing was changed.
      "
    `);
  });
});

describe('edge-run orch resume --dry-run', () => {
  it('says what becomes of each step and what has moved, and asks for nothing else', async () => {
    const preview: RunPreview = {
      ...{ run: 'R1', name: 'orch.deploy', from: { entry: 1187, at: 0 }, targets: 22, moved: [], fleet: movedFleet },
      sources: { states: `sha256:a41f${'0'.repeat(60)}`, pillar: `sha256:77c0${'0'.repeat(60)}` },
      steps: [
        { key: 'a', id: 'preflight', what: 'keep', why: 'succeeded' },
        { key: 'b', id: 'build', what: 'keep', why: 'succeeded' },
        { key: 'c', id: 'web-tier', what: 'verify', why: 'was running' },
        { key: 'd', id: 'workers', what: 'run', why: 'not started', hosts: ['w1', 'w2'] },
        { key: 'e', id: 'smoke', what: 'run', why: 'not started' },
      ],
    };
    const script: Script = {
      'orch.preview': ({ action }) => (action === 'resume' ? preview : { ...preview, run: 'R9' }),
    };
    const { stdout, exitCode } = await runLine(['orch', 'resume', 'R1', '--dry-run'], script);
    expect(exitCode).toBe(0);
    expect(stdout.replace(/\(\d\d:\d\d:\d\d\.\d+\)/, '(TIME)')).toMatchInlineSnapshot(`
      "Would resume run R1 of orch.deploy from journal entry 1187 (TIME).
        keep     preflight, build   (succeeded)
        verify   web-tier   (was running)
        run      workers on w[1-2], smoke   (not started)
        inputs   unchanged: states a41f0000…, pillar 77c00000…
        moved    target web*: web[4-5] came; web1 gone
      Nothing was done. The same line without --dry-run does it.
      "
    `);
    const data = await runLine(['orch', 'retry', 'R1', '--from', 'build', '--dry-run', '-o', 'json'], script);
    expect(JSON.parse(data.stdout)).toEqual({ ...preview, run: 'R9' });
  });
});

describe('edge-run orch show and status', () => {
  it('tell cause, where to look and how to try again after a rollback, and exit 5', async () => {
    const { stdout } = await runLine(['orch', 'show', 'R1'], knowing({ R1: rolledBack, R2: undoing }));
    expect(stdout).toMatchInlineSnapshot(`
      "run R1  orch.deploy  pillarenv=prod  by ana
      ✓ preflight      salt.state                                                                                        0.1 s
      ↩ build          salt.state  rolled-back                                                                           0.1 s
      ✗ web-tier       salt.state  failed  health gate failed                                                            9.0 s
        ✓ web1         succeeded
        ✗ web3         failed GET /healthz -> 503, 3 of 3
      · smoke          salt.state
      ↩ rolled 2 steps back   because web-tier failed
        ✓ web-tier     back to release 4.17.2                                                                            3.0 s
        ✓ build                                                                                                          1.0 s
        – preflight    stays: it declares no \`undo\`
      ─ 3/4 steps  2/2 targets  1 failed   41.0 s
      ✗ web-tier   failed   orch/deploy.sls:41
        │ health gate failed
        │ web3: GET /healthz -> 503, 3 of 3
      FAILED, rolled back in 41.0 s
        cause       web3: GET /healthz -> 503, 3 of 3 (step web-tier)
        inspect     edge-run orch show R1 --step web-tier --target web3
        rollback    edge-run orch show R2
        try again   edge-run orch retry R1   (keeps 1 of 4 steps, runs 3)
        exit        5
      "
    `);
    expect(
      (await runLine(['orch', 'status', 'R1', '--watch'], knowing({ R1: rolledBack, R2: undoing }))).exitCode,
    ).toBe(5);
  });

  it('say that a person is needed when the rollback failed, and exit 9', async () => {
    const events = rolledBack.map((event): RunJournalEvent => {
      if (event.type === 'run-rolled-back') return { ...event, outcome: 'failed', steps: ['web-tier'] };
      return event.type === 'run-ended' ? { ...event, outcome: 'failed', exitCode: 9 } : event;
    });
    const { stdout, exitCode } = await runLine(
      ['orch', 'status', 'R1', '--watch'],
      knowing({ R1: events, R2: undoing }),
    );
    expect(exitCode).toBe(9);
    expect(stdout).toContain('FAILED, and the rollback failed too: this needs a person.');
    expect(stdout).toContain('undo        edge-run orch rollback R1');
  });

  it('show one step and one host with what it returned', async () => {
    const script = knowing({ R1: rolledBack, R2: undoing });
    const { stdout } = await runLine(['orch', 'show', 'R1', '--step', 'web-tier', '--target', 'web3'], script);
    expect(stdout).toMatchInlineSnapshot(`
      "✗ web-tier   failed
        kind      salt.state
        place     orch/deploy.sls:41
        started   1970-01-01T00:00:11Z
        took      9.0 s
        comment
          │ health gate failed
        ✗ web3   failed
          │ GET /healthz -> 503, 3 of 3
          │ FATAL: relation "orders_v2"
      "
    `);
    const all = await runLine(['orch', 'show', 'R1', '--target', 'web1', '-o', 'json'], script);
    expect(JSON.parse(all.stdout)).toMatchObject([
      { step: { id: 'web-tier' }, returns: { web1: { restarted: true } } },
    ]);
    const none = await runLine(['orch', 'show', 'R1', '--step', 'web'], script);
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('preflight, build, web-tier, smoke')]);
  });
});

describe('edge-run orch NAME --no-wait', () => {
  it('exits 7 and says what to type where the run waits for people', async () => {
    const approvals = { count: 1, expiresMs: 60_000, self: true };
    const waiting = planned({ options: { ...options, approvals }, digest: 'sha256:4be1c07a99' });
    const script = knowing({ R1: [waiting] }, { 'orch.run': () => ({ run: 'R1' }) });
    const { exitCode, stdout, stderr } = await runLine(['orch', 'deploy', '--no-wait'], script);
    expect([exitCode, stdout]).toEqual([7, 'R1\n']);
    expect(stderr).toContain('waits for 0 of 1 approvals of plan 4be1c07a…');
    expect(stderr).toContain('  next: edge-run approve R1\n    or: edge-run reject R1');
  });
});

describe('edge-run orch NAME --cancel-on-interrupt', () => {
  it('asks to cancel at the first Ctrl-C', async () => {
    const script = knowing(
      { R1: [planned()] },
      { 'orch.run': () => ({ run: 'R1' }), 'orch.abort': () => ({ run: 'R1', cancelling: true }) },
    );
    const ran = await runLine(['orch', 'deploy', '--cancel-on-interrupt'], script, {
      onListen: (interrupt) => setTimeout(interrupt, 20),
    });
    expect(ran.exitCode).toBe(130);
    expect(ran.asked.map(({ name }) => name)).toContain('orch.abort');
  });
});

describe('edge-run orch ls', () => {
  const row = (run: string, more: Partial<RunSummary> = {}): RunSummary => ({
    ...{ run, name: 'orch.deploy', by: 'ana', inputs: {}, state: 'succeeded', startedAt: 1_000 },
    ...{ steps: { total: 2, ended: 2, failed: 0 }, current: [], ...more },
  });
  const runs = [
    row('R3', { state: 'queued', waitsFor: 'lock env/prod held by run R2', startedAt: 3_000 }),
    row('R2', { state: 'running', name: 'orch.backup', current: ['dump'], startedAt: 2_000 }),
    row('R1'),
  ];
  const script: Script = { 'orch.ls': () => ({ runs }) };

  it('shows what runs wait for', async () => {
    const { stdout } = await runLine(['orch', 'ls'], script);
    expect(stdout).toMatchInlineSnapshot(`
      "RUN  NAME         ENV  STATE      STEPS  STEP  STARTED               BY   WAITS
      R3   orch.deploy  -    queued       2/2  -     1970-01-01T00:00:03Z  ana  lock env/prod held by run R2
      R2   orch.backup  -    running      2/2  dump  1970-01-01T00:00:02Z  ana  -
      R1   orch.deploy  -    succeeded    2/2  -     1970-01-01T00:00:01Z  ana  -
      "
    `);
  });

  it.each([
    [
      ['--filter', 'name=*deploy'],
      ['R3', 'R1'],
    ],
    [['--filter', 'name=*deploy', '--filter', 'state!=queued'], ['R1']],
    [
      ['--sort', 'started'],
      ['R1', 'R2', 'R3'],
    ],
    [['--sort', '-started', '--limit', '1'], ['R3']],
  ])('takes %j', async (words, expected) => {
    const { stdout } = await runLine(['orch', 'ls', '-o', 'name', ...words], script);
    expect(stdout.trim().split('\n')).toEqual(expected);
  });

  it.each([[['--filter', 'nam=x']], [['--sort', 'age']], [['--filter', 'deploy']]])('refuses %j', async (words) => {
    const { exitCode, stderr } = await runLine(['orch', 'ls', ...words], script);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('help: ')]);
  });
});

describe('edge-run orch graph', () => {
  const graph: RunGraph = {
    name: 'orch.deploy',
    steps: ['preflight', 'build', 'web "tier"', 'notify'].map((id, index) => ({
      ...summary(id),
      parallel: index === 1,
      digest: `d${index}`,
    })),
    edges: [
      { from: 'preflight', to: 'build', kind: 'require', any: false },
      { from: 'preflight', to: 'web "tier"', kind: 'require', any: false },
      { from: 'build', to: 'web "tier"', kind: 'watch', any: false },
      { from: 'web "tier"', to: 'notify', kind: 'onfail', any: true },
    ],
  };
  const script: Script = { 'orch.graph': () => graph };

  it('prints a tree, and what other programs draw', async () => {
    const text = await runLine(['orch', 'graph', 'deploy', 'pillarenv=prod'], script);
    expect(text.asked[0]!.args).toEqual({ of: 'deploy', pillarenv: 'prod' });
    expect(text.stdout).toMatchInlineSnapshot(`
      "orch.deploy   4 steps, numbered in the order they run
      1 preflight   salt.state
      └─ 2 build   salt.state   parallel   require preflight
         └─ 3 web "tier"   salt.state   require preflight, watch build
            └─ 4 notify   salt.state   onfail any web "tier"
      "
    `);
    expect((await runLine(['orch', 'graph', 'deploy', '--format', 'dot'], script)).stdout).toMatchInlineSnapshot(`
      "digraph "orch.deploy" {
        node [shape=box];
        n1 [label="preflight\\nsalt.state"];
        n2 [label="build\\nsalt.state"];
        n3 [label="web \\"tier\\"\\nsalt.state"];
        n4 [label="notify\\nsalt.state"];
        n1 -> n2 [label="require"];
        n1 -> n3 [label="require"];
        n2 -> n3 [label="watch"];
        n3 -> n4 [label="onfail", style=dashed];
      }
      "
    `);
    expect((await runLine(['orch', 'graph', 'deploy', '--format', 'mermaid'], script)).stdout).toMatchInlineSnapshot(`
      "flowchart TD
        n1["preflight<br/>salt.state"]
        n2["build<br/>salt.state"]
        n3["web #34;tier#34;<br/>salt.state"]
        n4["notify<br/>salt.state"]
        n1 -->|require| n2
        n1 -->|require| n3
        n2 -->|watch| n3
        n3 -.->|onfail| n4
      "
    `);
    expect(JSON.parse((await runLine(['orch', 'graph', 'deploy', '-o', 'json'], script)).stdout)).toEqual(graph);
  });

  it('refuses words it does not know', async () => {
    expect((await runLine(['orch', 'graph', 'deploy', 'test=True'], script)).exitCode).toBe(2);
  });
});

describe('edge-run orch diff', () => {
  const other: readonly RunJournalEvent[] = [
    planned({
      ...{ run: 'R9', inputs: { pillarenv: 'test' }, sources: { states: 'b' } },
      steps: [summary('preflight'), { ...summary('build'), target: 'ci*' }, summary('web-tier'), summary('notify')],
    }),
    ended('preflight', 2_000, 100, {}, 'R9'),
    ended('build', 9_000, 6_000, {}, 'R9'),
    ended(
      'web-tier',
      20_000,
      9_000,
      { hosts: { web1: { outcome: 'succeeded' }, web3: { outcome: 'succeeded' } } },
      'R9',
    ),
    { type: 'run-ended', run: 'R9', at: 21_000, outcome: 'succeeded', exitCode: 0 },
  ];

  it('prints what differs, part by part, and nothing else', async () => {
    const script = knowing(
      { R1: rolledBack, R9: other },
      {
        'orch.graph': ({ of }) => ({
          ...{ name: 'orch.deploy', run: of, edges: [] },
          steps: [{ ...summary('preflight'), parallel: false, digest: `of-${of}` }],
        }),
      },
    );
    const { stdout, exitCode } = await runLine(['orch', 'diff', 'R1', 'R9'], script);
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "a  run R1  orch.deploy  rolled-back  1970-01-01T00:00:00Z
      b  run R9  orch.deploy  succeeded  1970-01-01T00:00:00Z
      run
        ~ outcome: rolled-back -> succeeded
        ~ exitCode: 5 -> 0
        - options: {"locks":["env/prod"],"onFailure":"rollback","onTargetFailure":"stop"} -> (none)
      inputs
        ~ pillarenv: prod -> test
      sources
        + states: (none) -> b
      plan
        ~ preflight
            arguments: of-R1 -> of-R9
        ~ build
            target: (none) -> ci*
        - smoke  salt.state  only in a
        + notify  salt.state  only in b
      outcomes
        ~ build
            outcome: rolled-back -> succeeded
        ~ web-tier
            outcome: failed -> succeeded
            web3: failed -> succeeded
      durations
        ~ run: 41.0 s -> 21.0 s  (-49 %)
        ~ build: 0.1 s -> 6.0 s  (+5900 %)
      "
    `);
    expect((await runLine(['orch', 'diff', 'R9', 'R9'], knowing({ R9: other }))).stdout).toContain(
      'the same inputs, sources, plan and outcomes',
    );
  });
});

describe('edge-run orch logs', () => {
  it('has words for every entry', async () => {
    const gates: RunJournalEvent[] = [
      {
        type: 'run-queued',
        run: 'R1',
        at: 1,
        locks: ['l'],
        position: 1,
        holders: [{ lock: 'l', run: 'R0', name: 'd', by: 'bob' }],
      },
      { type: 'run-locked', run: 'R1', at: 2, locks: ['l'] },
      { type: 'run-approved', run: 'R1', at: 3, by: 'bob', digest: 'sha256:4be1c07a99', comment: 'ok' },
      { type: 'run-rejected', run: 'R1', at: 4, by: 'eve', step: 'build' },
      { type: 'run-paused', run: 'R1', at: 5, by: 'ana', reason: 'lunch' },
      { type: 'run-resumed', run: 'R1', at: 6, by: 'ana' },
      { type: 'run-answered', run: 'R1', at: 7, step: 'web-tier', choice: 'skip', by: 'ana' },
      { type: 'hosts-dropped', run: 'R1', at: 8, step: 'web-tier', hosts: ['web3'] },
      { type: 'run-moved', run: 'R1', at: 9, moved: [{ what: 'pillar', was: 'a', is: 'b' }], fleet: movedFleet },
      { type: 'run-aborting', run: 'R1', at: 10, by: 'ana', reason: 'enough', outcome: 'cancelled', rollback: false },
    ];
    const { stdout } = await runLine(
      ['orch', 'logs', 'R1'],
      knowing({ R1: [planned(), ...gates, ...rolledBack.slice(4)] }),
    );
    expect(stdout).toMatchInlineSnapshot(`
      "1970-01-01T00:00:00Z run R1 orch.deploy planned: 4 steps, by ana
      1970-01-01T00:00:00Z run R1 queued for l, position 1: l held by run R0 of bob
      1970-01-01T00:00:00Z run R1 has its locks: l
      1970-01-01T00:00:00Z run R1 approved by bob (plan 4be1c07a…): ok
      1970-01-01T00:00:00Z run R1 rejected by eve, step build
      1970-01-01T00:00:00Z run R1 paused by ana: lunch
      1970-01-01T00:00:00Z run R1 resumed by ana
      1970-01-01T00:00:00Z step web-tier: ana says skip
      1970-01-01T00:00:00Z step web-tier failed on web3: left out from now on
      1970-01-01T00:00:00Z run R1 goes on with its stored plan; moved since: pillar a -> b, target web* (web-tier, smoke) web[4-5] came; web1 gone
      1970-01-01T00:00:00Z run R1 is being ended by ana: enough
      1970-01-01T00:00:21Z run R1 rolling back 2 steps as run R2: web-tier failed
      1970-01-01T00:00:40Z run R1 rollback R2 succeeded: 2 steps undone
      1970-01-01T00:00:41Z run R1 rolled-back
      "
    `);
  });

  it('follows to the end, each entry once, with progress between', async () => {
    const journal: RunJournalEvent[] = [planned()];
    let isTold = false;
    const script: Script = {
      'orch.show': async ({ run }, publish) => {
        if (!isTold) {
          isTold = true;
          setTimeout(async () => {
            const tell = async (event: Event): Promise<void> => {
              if (event.type !== 'step-progress') journal.push(event);
              await publish(`run/R1/${event.type}`, event);
            };
            await tell(started('build', 1));
            await tell({ type: 'step-progress', run: 'R1', at: 2, step: 'build', host: 'web1', phase: 'health' });
            await tell(ended('build', 3, 2));
            await tell({ type: 'run-ended', run: 'R1', at: 4, outcome: 'succeeded', exitCode: 0 });
          }, 20);
        }
        return { run, events: [...journal] };
      },
    };
    const { stdout, exitCode } = await runLine(['orch', 'logs', 'R1', '--follow'], script);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\S+ /, ''));
    expect(exitCode).toBe(0);
    expect([...lines].sort()).toEqual(
      [
        'run R1 orch.deploy planned: 4 steps, by ana',
        'run R1 succeeded',
        'step build started',
        'step build succeeded in 0.0s',
        'step build target web1 phase health',
      ].sort(),
    );
  });
});

describe('edge-run report durations', () => {
  it('shows runs and steps with their percentiles', async () => {
    const stats = { n: 41, p50Ms: 280_000, p90Ms: 400_000 };
    const script: Script = {
      'orch.durations': () => ({
        orchestrations: [
          { name: 'orch.deploy', run: stats, steps: [{ id: 'build', n: 44, p50Ms: 900, p90Ms: 2_000 }] },
        ],
      }),
    };
    const { stdout, asked } = await runLine(['report', 'durations', 'deploy'], script);
    expect(asked[0]!.args).toEqual({ name: 'deploy' });
    expect(stdout).toMatchInlineSnapshot(`
      "NAME         STEP    N     P50     P90
      orch.deploy  -      41  4m 40s  6m 40s
      orch.deploy  build  44   0.9 s   2.0 s
      "
    `);
  });
});

describe('the footer of a run that succeeded', () => {
  const drained = [started('build', 1), progress('build', 2, 'draining', 'app1'), ended('build', 3, 2)];
  const again = { ...ended('build', 6, 2), attempt: 2 } as RunJournalEvent;
  const called = [
    started('web-tier', 4),
    progress('web-tier', 5, 'succeeded', 'web1'),
    ended('web-tier', 6, 2, { hosts: { web1: { outcome: 'succeeded' }, web2: { outcome: 'succeeded' } } }),
  ];
  const broughtUp = [
    started('smoke', 7),
    progress('smoke', 8, 'started', 'db1'),
    progress('smoke', 8, 'present', 'lb1'),
    ended('smoke', 9, 2),
  ];
  const skipped: RunJournalEvent = { ...ended('preflight', 9, 0), outcome: 'skipped' } as RunJournalEvent;
  const over: RunJournalEvent = { type: 'run-ended', run: 'R1', at: 10, outcome: 'succeeded', exitCode: 0 };

  it.each<[string, Event[], string]>([
    ['of steps that say how each host fared', called, '2/2 targets'],
    ['of steps that only told of a host while they ran', drained, '1/1 targets'],
    ['of all kinds', [...drained, ...called, ...broughtUp], '5/5 targets'],
    [
      'of a step that was done again',
      [...drained, started('build', 4, 2), progress('build', 5, 'draining', 'app1'), again],
      '1/1 targets',
    ],
  ])('counts every target to its end: %s', (_, events, targets) => {
    const view = fold([planned(), ...events, skipped, over]);
    expect(renderRunTree(view, { style: plainStyle, width: 120, now: 10 }).at(-1)).toContain(` ${targets} `);
  });

  it('does not say how a host fared in a step that failed', () => {
    const events = [
      started('build', 1),
      progress('build', 2, 'draining', 'app1'),
      ended('build', 3, 2, { result: false }),
    ];
    expect(fold([planned(), ...events]).steps.find(({ key }) => key === 'build')?.hosts.app1?.outcome).toBeUndefined();
  });
});
