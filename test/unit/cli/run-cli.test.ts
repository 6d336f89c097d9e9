import { EdgeError } from '@edge-run/shared/kernel';
import type { JobReturnEvent, RunJournalEvent } from '@edge-run/shared/protocol';
import { describe, expect, it } from 'vitest';
import { runLine, type Script } from '../../support/command-line.ts';

const ping = (id: string): JobReturnEvent => ({
  jid: 'j1',
  id,
  fun: 'test.ping',
  outcome: 'succeeded',
  return: true,
  retcode: 0,
});

/** A master that publishes a job and has its returns come as events after the first snapshot. */
const pinging: Script = {
  'jobs.publish': () => ({ jid: 'j1', targets: ['web1', 'web2', 'lb1'] }),
  'jobs.show': async (_, publish) => {
    setTimeout(() => {
      void (async () => {
        for (const id of ['web1', 'web2', 'web2']) await publish(`salt/job/j1/ret/${id}`, ping(id), 1500);
        const targets = { web1: 'succeeded', web2: 'succeeded', lb1: 'unreachable' };
        await publish('salt/job/j1/end', { targets }, 2900);
      })();
    }, 5);
    return {
      jid: 'j1',
      fun: 'test.ping',
      args: [],
      kwargs: [],
      target: '*',
      targets: ['web1', 'web2', 'lb1'],
      by: 'user:me',
      startedAt: 1000,
      returns: [],
      outcomes: {},
    };
  },
};

describe('edge-run TARGET FUN', () => {
  it('collapses equal answers, shows who is missing last, and exits 6', async () => {
    const { stdout, stderr, exitCode } = await runLine(['*', 'test.ping'], pinging);
    expect(stdout).toMatchInlineSnapshot(`
      "  web[1-2]   True   (2 hosts)
      ! lb1        unreachable
      "
    `);
    expect(stderr).toMatchInlineSnapshot(`
      "job j1  test.ping on 3 targets  (context memory:)
      2 ok, 1 unreachable   1.9 s   details: edge-run jobs show j1
      "
    `);
    expect(exitCode).toBe(6);
  });

  it('prints one JSON document on stdout with -o json', async () => {
    const { stdout } = await runLine(['*', 'test.ping', '-o', 'json'], pinging);
    expect(JSON.parse(stdout)).toMatchObject({
      jid: 'j1',
      targets: { web1: { outcome: 'succeeded', ret: true }, lb1: { outcome: 'unreachable' } },
    });
  });

  it('streams each return once with -o jsonl, a version line first', async () => {
    const { stdout } = await runLine(['-o', 'jsonl', '*', 'test.ping'], pinging);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toEqual({ type: 'version', ui: '1.0' });
    expect(lines.slice(1).map(({ type, id }) => id ?? type)).toEqual(['web1', 'web2', 'lb1', 'end']);
  });

  it('sends values as Salt reads them beside the words as typed', async () => {
    const line = ['-G', 'os:Debian', 'test.arg', '0123', 'on=yes', 'j:={"a":1}', '-b', '25%', '--no-wait', '--', 'a=b'];
    const { asked, stdout, exitCode } = await runLine(line, pinging);
    expect(asked).toEqual([
      {
        name: 'jobs.publish',
        args: {
          target: { expr: 'os:Debian', type: 'grain' },
          fun: 'test.arg',
          args: [123, 'a=b'],
          kwargs: [
            ['on', true],
            ['j', { a: 1 }],
          ],
          typed: { args: ['0123', 'a=b'], kwargs: { on: 'yes', j: '{"a":1}' } },
          batch: '25%',
        },
      },
    ]);
    expect(stdout).toBe('j1\n');
    expect(exitCode).toBe(0);
  });

  it('takes batches one after the other and their limits', async () => {
    const { asked } = await runLine(
      ['*', 'test.ping', '--batch', '1,25%,100%', '--max-failures', '10%', '--max-unreachable', '0', '--no-wait'],
      pinging,
    );
    expect(asked[0]?.args).toMatchObject({ batch: '1,25%,100%', maxFailures: '10%', maxUnreachable: '0' });
  });

  it.each([
    ['--batch', '1,,2'],
    ['--batch', '0'],
    ['--max-failures', 'some'],
  ])('refuses %s %s before asking anybody', async (flag, value) => {
    const { exitCode, stderr, asked } = await runLine(['*', 'test.ping', flag, value], pinging);
    expect([exitCode, asked.length]).toEqual([2, 0]);
    expect(stderr).toContain('is no number and no percentage');
  });

  it('takes a negative number for a word', async () => {
    const { asked } = await runLine(['*', 'test.arg', '-1', '--no-wait'], pinging);
    expect(asked[0]?.args).toMatchObject({ fun: 'test.arg', args: [-1] });
  });

  it('refuses two target flags before asking anybody', async () => {
    const { exitCode, stderr, asked } = await runLine(['-G', '-C', 'x', 'test.ping'], pinging);
    expect([exitCode, asked.length]).toEqual([2, 0]);
    expect(stderr).toContain('--grain and --compound exclude each other');
  });

  it('at the first Ctrl-C leaves the job running and says how to come back', async () => {
    const { 'jobs.publish': publish, 'jobs.show': show } = pinging;
    const quiet: Script = {
      'jobs.publish': publish!,
      'jobs.show': (args) => show!(args, async () => {}),
    };
    const ran = await runLine(['*', 'test.ping'], quiet, { onListen: (interrupt) => setTimeout(interrupt, 20) });
    expect(ran.exitCode).toBe(130);
    expect(ran.stderr).toContain('left running: edge-run jobs watch j1');
    expect(ran.asked.map(({ name }) => name)).not.toContain('jobs.kill');
  });

  it('at the second Ctrl-C within 2 s asks to kill it', async () => {
    const script: Script = {
      ...pinging,
      'jobs.show': (args) => pinging['jobs.show']!(args, async () => {}),
      'jobs.kill': () => ({ jid: 'j1', asked: ['web1'], outcomes: {} }),
    };
    const ran = await runLine(['*', 'test.ping'], script, {
      onListen: (interrupt) => {
        setTimeout(interrupt, 20);
        setTimeout(interrupt, 60);
      },
    });
    expect(ran.exitCode).toBe(130);
    expect(ran.asked.map(({ name }) => name)).toContain('jobs.kill');
  });
});

const step = (
  id: string,
): { key: string; id: string; name: string; kind: string; sls: string; place: { file: string; line: number } } => ({
  key: id,
  id,
  name: id,
  kind: 'salt.state',
  sls: 'orch.deploy',
  place: { file: 'orch/deploy.sls', line: 41 },
});

const planned: RunJournalEvent = {
  run: 'R1',
  at: 1000,
  type: 'run-planned',
  name: 'deploy-environment',
  by: 'user:deploy',
  inputs: { pillarenv: 'prod' },
  steps: [step('build'), step('web-tier')],
  plan: null,
};

/** A run whose first step is in the snapshot; the rest comes as events, some of them twice. */
const deploying: Script = {
  'orch.run': () => ({ run: 'R1' }),
  'orch.show': async (_, publish) => {
    const events: RunJournalEvent[] = [
      planned,
      { run: 'R1', at: 1001, type: 'step-started', step: 'build', attempt: 1, mode: 'run' },
      {
        run: 'R1',
        at: 1301,
        type: 'step-ended',
        mode: 'run',
        step: 'build',
        attempt: 1,
        outcome: 'succeeded',
        startedAt: 1001,
        durationMs: 300,
        answer: { result: true, changes: {}, comment: 'shop 4.18.0' },
      },
    ];
    setTimeout(() => {
      void (async () => {
        await publish('run/R1/step-started', {
          run: 'R1',
          at: 1302,
          type: 'step-started',
          step: 'web-tier',
          attempt: 1,
          mode: 'run',
        });
        await publish('run/R1/step-progress', {
          run: 'R1',
          at: 1500,
          type: 'step-progress',
          step: 'web-tier',
          host: 'web2',
          phase: 'health',
          detail: '2/3',
        });
        await publish('run/R1/step-ended', {
          run: 'R1',
          at: 3302,
          type: 'step-ended',
          mode: 'run',
          step: 'web-tier',
          attempt: 1,
          outcome: 'failed',
          startedAt: 1302,
          durationMs: 2000,
          answer: {
            result: false,
            changes: {},
            comment: 'health gate failed: GET /healthz -> 503',
            hosts: { web1: { outcome: 'succeeded' }, web2: { outcome: 'failed', evidence: '503, 3 of 3' } },
          },
        });
        await publish('run/R1/run-ended', { run: 'R1', at: 3400, type: 'run-ended', outcome: 'failed', exitCode: 5 });
      })();
    }, 5);
    return { run: 'R1', events };
  },
};

describe('edge-run orch NAME', () => {
  it('follows the run, prints why it failed, and exits with the code of the last event', async () => {
    const { stdout, stderr, exitCode, asked } = await runLine(
      ['orch', 'deploy-environment', 'pillarenv=prod'],
      deploying,
    );
    expect(asked[0]).toEqual({ name: 'orch.run', args: { name: 'deploy-environment', pillarenv: 'prod' } });
    expect(stdout).toMatchInlineSnapshot(`
      "run R1  deploy-environment  pillarenv=prod  by user:deploy
      ✓ build          salt.state  shop 4.18.0                                                                           0.3 s
      ✗ web-tier       salt.state  failed  health gate failed: GET /healthz -> 503                                       2.0 s
        ✗ web2         failed 503, 3 of 3
        ✓ web1         succeeded
      ─ 2/2 steps  2/2 targets  1 failed   2.4 s
      ✗ web-tier   failed   orch/deploy.sls:41
        │ health gate failed: GET /healthz -> 503
        │ web2: 503, 3 of 3
      FAILED in 2.4 s
        cause       web2: 503, 3 of 3 (step web-tier)
        inspect     edge-run orch show R1 --step web-tier --target web2
        try again   edge-run orch retry R1   (keeps 1 of 2 steps, runs 1)
        exit        5
      "
    `);
    expect(stderr.replaceAll(/^\S+Z /gm, '')).toMatchInlineSnapshot(`
      "run R1 deploy-environment running
      step web-tier started
      step web-tier target web2 phase health 2/3
      step web-tier failed in 2.0s: health gate failed: GET /healthz -> 503
      run R1 failed
      "
    `);
    expect(exitCode).toBe(5);
  });

  it('is the same orchestration in its long form, with pillar and test', async () => {
    const words = ['orch.deploy-environment', 'pillar={"version": "4.18"}', 'test=True', 'saltenv=2026'];
    for (const form of [['orch', 'run'], ['orch'], ['state.orchestrate'], ['state.orch']]) {
      const started: Script = { ...deploying, 'orch.show': () => ({ run: 'R1', events: [] }) };
      const { asked, exitCode } = await runLine([...form, ...words, '--no-wait'], started);
      expect(asked[0]).toEqual({
        name: 'orch.run',
        args: { name: 'orch.deploy-environment', saltenv: '2026', pillar: { version: '4.18' }, test: true },
      });
      expect(exitCode).toBe(0);
    }
  });

  it('suggests the keyword that was meant and starts nothing', async () => {
    const { exitCode, stderr, asked } = await runLine(['orch', 'deploy-environment', 'pilarenv=prod'], deploying);
    expect([exitCode, asked.length]).toEqual([2, 0]);
    expect(stderr).toContain('did you mean `pillarenv`?');
  });

  it('prints what the master found wrong with places, and exits 2', async () => {
    const script: Script = {
      'orch.run': () => {
        throw new EdgeError('EDGE_UNKNOWN_ARGUMENT', 'unknown argument `tgtt`', {}, { hint: 'did you mean `tgt`?' });
      },
    };
    const { exitCode, stderr } = await runLine(['orch', 'x'], script);
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error[EDGE_UNKNOWN_ARGUMENT]: unknown argument \`tgtt\`
        help: did you mean \`tgt\`?
        next: edge-run orch --help
      "
    `);
  });

  it('redraws a tree in place on a terminal and leaves one result behind', async () => {
    const { stdout, stderr } = await runLine(['orch', 'deploy-environment'], deploying, { terminal: true });
    expect(stderr).toContain('▶ web-tier');
    expect(stderr).toContain('\u001b[0J');
    expect(stderr).not.toContain('✗ web-tier   failed');
    expect(stdout).toContain('✗ web-tier');
  });
});

describe('errors', () => {
  it.each([
    ['EDGE_NOT_ALLOWED', 4],
    ['EDGE_DEADLINE', 124],
    ['EDGE_BAD_ARGUMENT', 2],
    ['EDGE_INTERNAL', 1],
  ] as const)('%s exits %i', async (code, exitCode) => {
    const script: Script = {
      'jobs.ls': () => {
        throw new EdgeError(code, 'no');
      },
    };
    const ran = await runLine(['jobs', 'ls'], script);
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain('edge-run jobs ls --help');
  });

  it('are JSON on stdout with -o json', async () => {
    const { stdout, stderr, exitCode } = await runLine(['jobs', 'ls', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'EDGE_MASTER_UNREACHABLE', hint: expect.stringContaining('edge-run up') },
    });
    expect(stderr).toBe('');
    expect(exitCode).toBe(2);
  });

  it.each([
    [['statsu']],
    [['orch', 'ls', '--lmit', '3']],
    [['jobs']],
    [['*']],
    [['-o', 'xml', 'jobs', 'ls']],
    [['--timeout', 'soon', '*', 'test.ping']],
  ])('%j is a bad line: exit 2, nothing on stdout, a command to type', async (argv) => {
    const { stdout, stderr, exitCode } = await runLine(argv);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/error\[EDGE_BAD_ARGUMENT\][\s\S]*edge-run/);
  });
});

describe('lists', () => {
  const keys: Script = {
    'keys.ls': () => ({
      keys: [
        { id: 'web9', state: 'pending', fingerprint: 'SHA256:mR3t', since: 1_790_000_000_000, from: '10.0.3.19' },
        { id: 'evil\u001b[2J1', state: 'pending', fingerprint: 'SHA256:Zz01', since: 1_790_000_000_000 },
      ],
    }),
    'keys.finger': () => ({
      master: 'SHA256:m',
      keys: [{ id: 'web9', state: 'pending', fingerprint: 'SHA256:mR3t', since: 1 }],
    }),
    'keys.accept': () => ({ keys: [{ id: 'web9', state: 'accepted', fingerprint: 'SHA256:mR3t', since: 1 }] }),
  };

  it('are tables whose cells cannot move the cursor', async () => {
    const { stdout } = await runLine(['keys', 'ls'], keys);
    expect(stdout).toMatchInlineSnapshot(`
      "ID            STATE    FINGERPRINT  FROM       SINCE                 TOKEN
      web9          pending  SHA256:mR3t  10.0.3.19  2026-09-21T14:13:20Z  -
      evil\\x1b[2J1  pending  SHA256:Zz01  -          2026-09-21T14:13:20Z  -
      "
    `);
  });

  it.each([
    ['json', '[\n  {\n    "id": "web9"\n  },'],
    ['yaml', '- id: web9\n'],
    ['jsonl', '{"type":"version","ui":"1.0"}\n{"id":"web9"}\n'],
    ['table', 'ID\nweb9\n'],
  ])('print only the fields asked for as %s', async (format, beginning) => {
    const { stdout } = await runLine(['keys', 'ls', '-o', format, '--fields', 'id'], keys);
    expect(stdout.slice(0, beginning.length)).toBe(beginning);
  });

  it('name the columns there are when another is asked for', async () => {
    const { exitCode, stderr } = await runLine(['keys', 'ls', '--fields', 'id,nope'], keys);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Known: id, state, fingerprint');
  });

  it('ask before letting a minion in, and name the flag where nobody can be asked', async () => {
    const refused = await runLine(['keys', 'accept', 'web9'], keys);
    expect([refused.exitCode, refused.asked.map(({ name }) => name)]).toEqual([2, ['keys.finger']]);
    expect(refused.stderr).toContain('--yes');
    expect((await runLine(['keys', 'accept', 'web9'], keys, { answer: 'n' })).exitCode).toBe(2);
    const accepted = await runLine(['keys', 'accept', 'web9'], keys, { answer: 'y' });
    expect([accepted.exitCode, accepted.asked.at(-1)?.name]).toEqual([0, 'keys.accept']);
    expect((await runLine(['keys', 'accept', 'web9', '--yes'], keys)).exitCode).toBe(0);
  });
});

describe('state', () => {
  it('sends SLS names as one argument and test=True for a plan', async () => {
    const { asked } = await runLine(['state', 'plan', 'web*', 'nginx', 'app', 'pillar={"a": 1}', '--no-wait'], pinging);
    expect(asked[0]?.args).toMatchObject({
      fun: 'state.apply',
      args: ['nginx,app'],
      kwargs: [
        ['pillar', { a: 1 }],
        ['test', true],
      ],
    });
  });
});

describe('jobs show', () => {
  const shown: Script = {
    'jobs.show': () => ({
      ...{ jid: 'j2', fun: 'cmd.run', args: [], kwargs: [], target: '*', targets: ['a', 'b', 'c'], by: 'user:me' },
      ...{ startedAt: 1000, endedAt: 2000, outcomes: { a: 'succeeded', b: 'failed', c: 'no-return' } },
      returns: [
        { id: 'a', outcome: 'succeeded', ret: 'up\n  2 users', retcode: 0 },
        { id: 'b', outcome: 'failed', ret: 'sh: 1: nope: not found', retcode: 127, evidence: 'exit code 127' },
        { id: 'c', outcome: 'no-return', evidence: 'its connection went away at 09:14:07' },
      ],
    }),
  };

  it('shows every target once, those that failed last, and why', async () => {
    const { stdout, exitCode } = await runLine(['jobs', 'show', 'j2'], shown);
    expect(stdout).toMatchInlineSnapshot(`
      "  a
          up
            2 users
      ✗ b
          failed (exit 127)
          exit code 127
          sh: 1: nope: not found
      ! c   no-return: its connection went away at 09:14:07
      "
    `);
    expect(exitCode).toBe(0);
  });

  it('shows only the outcomes asked for, in any format', async () => {
    const { stdout } = await runLine(['jobs', 'show', 'j2', '--only', 'failed', '-o', 'jsonl'], shown);
    const [, job] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { targets: object });
    expect(Object.keys(job!.targets)).toEqual(['b']);
  });
});

describe('completion', () => {
  it('offers commands, options and ids, and is silent without a master', async () => {
    const nodes: Script = { 'nodes.ls': () => ({ nodes: [{ id: 'web1', kind: 'minion', state: 'connected' }] }) };
    expect((await runLine(['__complete', '--', 'or'])).stdout).toBe('orch\n');
    expect((await runLine(['__complete', '--', 'exec', 'we'], nodes)).stdout).toBe('web1\n');
    expect((await runLine(['__complete', '--', 'jobs', 'ls', '--fa'])).stdout).toBe('--failed\n');
    expect((await runLine(['__complete', '--', '-o', 'json', 'jo'])).stdout).toBe('jobs\n');
    expect((await runLine(['__complete', '--', 'orch', 'ls', '--ti'])).stdout).toBe('--timeout\n');
    const alone = await runLine(['__complete', '--', 'exec', 'we']);
    expect([alone.stdout, alone.stderr, alone.exitCode]).toEqual(['', '', 0]);
  });
});

describe('jobs kill, rerun and export', () => {
  const details: Script['jobs.show'] = () => ({
    ...{ jid: 'j1', fun: 'cmd.run', args: ['a, "b"'], kwargs: [], target: '*', targets: ['a', 'b', 'c'] },
    ...{ by: 'ann', startedAt: 0, endedAt: 1_000, rerunOf: 'j0' },
    returns: [
      { id: 'a', outcome: 'succeeded', ret: 'x, "y"\nz', retcode: 0 },
      { id: 'b', outcome: 'failed', ret: '=cmd|calc', retcode: 1, evidence: 'a < b & c\u0007' },
      { id: 'c', outcome: 'unreachable', retcode: 1, evidence: 'gone' },
    ],
    outcomes: { a: 'succeeded', b: 'failed', c: 'unreachable' },
  });

  it('exports everything as JSON', async () => {
    const { stdout, exitCode } = await runLine(['jobs', 'export', 'j1'], { 'jobs.show': details });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ jid: 'j1', rerunOf: 'j0', arguments: ['a, "b"'] },
      targets: { a: { outcome: 'succeeded' }, b: { outcome: 'failed', ret: '=cmd|calc' }, c: { evidence: 'gone' } },
    });
  });

  it('exports a line for each target as CSV, and nothing that a spreadsheet runs', async () => {
    const { stdout } = await runLine(['jobs', 'export', 'j1', '-o', 'csv'], { 'jobs.show': details });
    expect(stdout.split('\r\n')).toEqual([
      'jid,function,target,outcome,retcode,evidence,return',
      'j1,cmd.run,a,succeeded,0,,"x, ""y""\\nz"',
      "j1,cmd.run,b,failed,1,a < b & c\u0007,'=cmd|calc",
      'j1,cmd.run,c,unreachable,1,gone,',
      '',
    ]);
  });

  it('exports a test case for each target as JUnit, only of those asked for', async () => {
    const line = ['jobs', 'export', 'j1', '-o', 'junit', '--only', 'unsuccessful'];
    const { stdout } = await runLine(line, { 'jobs.show': details });
    expect(stdout).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites tests="2" failures="1" errors="1">
        <testsuite name="cmd.run" id="j1" tests="2" failures="1" errors="1" timestamp="1970-01-01T00:00:00">
          <testcase classname="b" name="cmd.run">
            <failure type="failed" message="a &lt; b &amp; c">a &lt; b &amp; c&#10;=cmd|calc</failure>
          </testcase>
          <testcase classname="c" name="cmd.run">
            <error type="unreachable" message="gone">gone</error>
          </testcase>
        </testsuite>
      </testsuites>
      "
    `);
  });

  it('exports a test case for each state where states were applied', async () => {
    const state = { __id__: 's', __run_num__: 0, __sls__: 'x', name: 'n', changes: {}, comment: 'no', duration: 12.5 };
    const ret = {
      'test_|-s_|-n_|-fail_without_changes': { ...state, result: false },
      'test_|-t_|-n_|-nop': { ...state, __id__: 't', __run_num__: 1, result: true },
    };
    const show: Script['jobs.show'] = () => ({
      ...{ jid: 'j1', fun: 'state.apply', args: [], kwargs: [], target: 'a', targets: ['a'], by: 'ann', startedAt: 0 },
      ...{ endedAt: 1, returns: [{ id: 'a', outcome: 'failed', ret, retcode: 2 }], outcomes: { a: 'failed' } },
    });
    const { stdout } = await runLine(['jobs', 'export', 'j1', '-o', 'junit'], { 'jobs.show': show });
    expect(stdout).toContain('<testsuites tests="2" failures="1" errors="0">');
    expect(stdout).toMatch(/<testcase classname="a" name="test\.nop: t"( time="0\.01\d")?\/>/);
  });

  it('has formats of reports only for what is one', async () => {
    const { exitCode, stderr, asked } = await runLine(['jobs', 'ls', '-o', 'junit'], {});
    expect([exitCode, asked.length]).toEqual([2, 0]);
    expect(stderr).toContain('-o junit is for jobs export');
  });

  it('repeats a job on the targets that ended so, and follows it', async () => {
    const script: Script = { ...pinging, 'jobs.rerun': () => ({ jid: 'j1', targets: ['web1'], rerunOf: 'j0' }) };
    const { asked, stderr, exitCode } = await runLine(
      ['jobs', 'rerun', '@last', '--only', 'failed,unreachable'],
      script,
    );
    expect(asked[0]).toEqual({ name: 'jobs.rerun', args: { jid: '@last', only: ['failed', 'unreachable'] } });
    expect(stderr).toContain('job j1  repeats j0 on 1 target ');
    expect(exitCode).toBe(6);
  });

  it('refuses an outcome there is none of, before asking anybody', async () => {
    const { exitCode, stderr, asked } = await runLine(['jobs', 'rerun', 'j1', '--only', 'faild'], {});
    expect([exitCode, asked.length]).toEqual([2, 0]);
    expect(stderr).toContain('--only faild is no outcome');
  });

  it('kills, waits for the ends and prints them', async () => {
    const running: Script['jobs.show'] = (args, publish) => ({
      ...(details(args, publish) as object as ReturnType<NonNullable<Script['jobs.show']>> & object),
      ...{ endedAt: undefined, returns: [], outcomes: {} },
    });
    const script: Script = {
      'jobs.show': running,
      'jobs.kill': () => ({ jid: 'j1', asked: ['a', 'b'], outcomes: { a: 'cancelled', b: 'succeeded' } }),
    };
    const { stdout, stderr, asked } = await runLine(['jobs', 'kill', 'j1', '--yes'], script);
    expect(asked.at(-1)).toEqual({ name: 'jobs.kill', args: { jid: 'j1', wait: true } });
    expect(stdout).toBe('a cancelled\nb succeeded\n');
    expect(stderr).toContain('ended 2 targets');
  });
});

describe('match', () => {
  const hosts = [
    { id: 'db1', matched: false, because: 'role is "db", does not match', parts: [] },
    {
      ...{ id: 'web1', matched: true, because: 'every part matches' },
      parts: [{ target: 'G@role:web', matched: true, because: 'role is "web", matches' }],
    },
  ];
  const script: Script = { match: () => ({ ids: ['web1'], missing: ['ghost'], hosts }) };

  it('says by what each is selected, and with --all why the others are not', async () => {
    const { stdout, stderr, exitCode } = await runLine(['match', '-C', 'G@role:web and *'], script);
    expect(stdout).toBe('+ web1   every part matches\n');
    expect(stderr).toContain('! nobody has the id ghost');
    expect(stderr).toContain('1 of 2 selected by G@role:web and * (compound); why not the others: --all');
    expect(exitCode).toBe(0);
    const all = await runLine(['match', '-C', 'G@role:web and *', '--all', '-v'], script);
    expect(all.stdout).toBe(
      '- db1    role is "db", does not match\n+ web1   every part matches\n    + G@role:web: role is "web", matches\n',
    );
  });

  it('says why nobody is, without being asked, and exits 1', async () => {
    const nobody: Script = { match: () => ({ ids: [], missing: [], hosts: [hosts[0]!] }) };
    const { stdout, exitCode } = await runLine(['match', 'x'], nobody);
    expect(stdout).toBe('- db1   role is "db", does not match\n');
    expect(exitCode).toBe(1);
  });
});
