import type { Bus } from '@edge-run/shared/bus';
import {
  eventSubject,
  OPERATIONS,
  type OperationName,
  type RunJournalEvent,
  SUBJECTS,
} from '@edge-run/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';
import { runCliProcess, startCli } from './process.ts';

let nats: TestNats;
let master: Bus;
const stop = new AbortController();

/** The journal of the one run this master has, and how often it was asked for it. */
const journal: RunJournalEvent[] = [];
let shown = 0;
let cancelled = 0;

const answers: { readonly [N in OperationName]?: (args: unknown) => unknown } = {
  'orch.run': () => ({ run: 'R1' }),
  'orch.show': () => {
    shown += 1;
    return { run: 'R1', events: journal };
  },
  'orch.abort': () => {
    cancelled += 1;
    return { run: 'R1', cancelling: true };
  },
  'jobs.publish': () => ({ jid: 'J1', targets: ['web1'] }),
  'jobs.show': () => ({
    jid: 'J1',
    fun: 'cmd.run',
    args: [],
    kwargs: [],
    target: 'web1',
    targets: ['web1'],
    by: 'user:local',
    startedAt: 1,
    endedAt: 9,
    returns: [{ id: 'web1', outcome: 'failed', ret: 'no such file', retcode: 2, evidence: 'exit 2' }],
    outcomes: { web1: 'failed' },
  }),
};

async function serve(name: OperationName): Promise<void> {
  for await (const { body, respond } of master.subscribe(SUBJECTS.operation(name), {
    signal: stop.signal,
    queue: 'gateway',
  })) {
    const parsed = OPERATIONS[name].args.safeParse(body);
    if (!parsed.success) throw new Error(`${name} was asked with ${JSON.stringify(body)}`);
    respond?.({ ok: true, answer: OPERATIONS[name].answer.parse(answers[name]!(parsed.data)) });
  }
}

async function append(event: RunJournalEvent): Promise<void> {
  journal.push(event);
  const tag = `run/R1/${event.type}`;
  await master.publish(eventSubject(tag), {
    id: `e${journal.length}`,
    tag,
    data: event,
    at: event.at,
    source: 'master:m1',
  });
}

const env = (): Record<string, string> => ({ EDGE_NATS_URL: nats.url });

beforeAll(async () => {
  nats = await startNats();
  master = await nats.connect('master');
  for (const name of Object.keys(answers)) void serve(name as OperationName);
  await master.flush();
});
afterAll(async () => {
  stop.abort();
  await nats.stop();
});

describe('edge-run orch over a real NATS server', () => {
  const start = async (): Promise<void> => {
    journal.length = 0;
    shown = 0;
    await append({
      run: 'R1',
      at: 1000,
      type: 'run-planned',
      name: 'deploy',
      by: 'user:local',
      inputs: {},
      steps: [{ key: 'web', id: 'web-tier', name: 'web-tier', kind: 'salt.state', sls: 'orch.deploy' }],
      plan: null,
    });
  };

  it('follows to the end and exits with the code of the last event', async () => {
    await start();
    const cli = startCli(['orch', 'deploy', '-o', 'jsonl'], env());
    await cli.saw('"snapshot"');
    await append({ run: 'R1', at: 1001, type: 'step-started', step: 'web', attempt: 1, mode: 'run' });
    await append({
      run: 'R1',
      at: 1200,
      type: 'step-ended',
      mode: 'run',
      step: 'web',
      attempt: 1,
      outcome: 'rolled-back',
      startedAt: 1001,
      durationMs: 199,
      answer: { result: false, changes: {}, comment: 'health' },
    });
    await append({ run: 'R1', at: 1300, type: 'run-ended', outcome: 'failed', exitCode: 5 });
    expect(await cli.ended).toBe(5);
    const lines = cli.output.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(lines).toEqual(['version', 'snapshot', 'step-started', 'step-ended', 'run-ended']);
  });

  it('attaches late: what was before is in the snapshot', async () => {
    const { exitCode, stdout } = await runCliProcess(['orch', 'status', '@last', '--watch'], env());
    expect(exitCode).toBe(5);
    expect(stdout).toContain('↩ web-tier');
  });

  it('finds the end in the snapshot when its event was lost', async () => {
    await start();
    const cli = startCli(['orch', 'deploy', '--progress', 'plain'], env());
    await cli.saw('run R1');
    journal.push({ run: 'R1', at: 1300, type: 'run-ended', outcome: 'succeeded', exitCode: 0 });
    expect(await cli.ended).toBe(0);
    expect(shown).toBeGreaterThan(1);
  });

  it('detaches at one Ctrl-C and cancels at two', async () => {
    await start();
    const one = startCli(['orch', 'deploy'], env());
    await one.saw('run R1');
    one.child.kill('SIGINT');
    expect(await one.ended).toBe(130);
    expect(one.output.stderr).toContain('edge-run orch status R1 --watch');
    expect(cancelled).toBe(0);
    const two = startCli(['orch', 'deploy'], env());
    await two.saw('run R1');
    two.child.kill('SIGINT');
    await two.saw('left running');
    two.child.kill('SIGINT');
    expect(await two.ended).toBe(130);
    expect(cancelled).toBe(1);
  });

  it('ends with 124 after --timeout and leaves the run alone', async () => {
    await start();
    const { exitCode, stderr } = await runCliProcess(['orch', 'deploy', '--timeout', '1s'], env());
    expect(exitCode).toBe(124);
    expect(stderr).toContain('edge-run orch status R1 --watch');
  });
});

describe('edge-run TARGET FUN over a real NATS server', () => {
  it('keeps stdout for data: JSON can be read whatever happens', async () => {
    const { exitCode, stdout } = await runCliProcess(['web1', 'cmd.run', 'ls /x', '-o', 'json', '-v'], env());
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      targets: { web1: { outcome: 'failed', retcode: 2, ret: 'no such file' } },
    });
  });

  it('names the operation nobody serves and what to type', async () => {
    const { exitCode, stderr } = await runCliProcess(['keys', 'ls'], env());
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no master answers `keys.ls`');
    expect(stderr).toContain('edge-run up');
  });
});
