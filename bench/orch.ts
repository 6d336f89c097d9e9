import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeStoredPlan, foldEvent, nextTurn, type RunRecord } from '@edge-run/master/orchestration/internal';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import {
  bareHighData,
  compile,
  compileCatalog,
  createRun,
  decide,
  evolve,
  type Plan,
  type RunState,
} from '@edge-run/shared/state';
import { PyMap, type Value } from '@edge-run/shared/values';
import { repositoryRoot } from '../test/conformance/runner.ts';
import { KillableMasters } from '../test/support/killable-masters.ts';
import { type Metric, plain, quantile, report } from './report.ts';

/*
 * Whole commands of `edge-run orch` against a master that runs: every step journaled durably. Then what a thousand runs
 * that wait cost, and what a plan of five thousand steps costs to compile and to decide.
 */

const run = promisify(execFile);
const BIN = join(repositoryRoot(), 'packages/cli/bin/edge-run.js');
const ROUNDS = 9;
/** The master is to be warm: what it does for the first time it does slowly. */
const WARM_UP = 10;
const HOSTS = Array.from({ length: 10 }, (_, index) => `h${index}`);
const DEPLOY_HOSTS = HOSTS.slice(0, 5);
const WAITING_RUNS = 1_000;
const HOSTS_OF_PLAN = 1_000;
const PLANS = 5;
/** What the commands of the deployment take themselves, in milliseconds. */
const COMMAND_MS = 20;

const pings = (target: string): string =>
  Array.from(
    { length: 20 },
    (_, index) => `p${index}:\n  salt.function:\n    - name: test.ping\n    - tgt: '${target}'\n`,
  ).join('');

const FILES = {
  'orch/one.sls': pings('h0'),
  'orch/ten.sls': pings('h*'),
  'orch/deploy.sls': DEPLOY_HOSTS.flatMap((host) =>
    Array.from(
      { length: 6 },
      (_, step) =>
        `${host} ${step}:\n  salt.function:\n    - name: cmd.run\n    - tgt: ${host}\n    - arg: ['sleep ${COMMAND_MS / 1000}']\n`,
    ),
  ).join(''),
  'orch/wait.sls': 'wait:\n  salt.wait_for_event: [{name: never/*}, {id_list: [x]}, {timeout: 86400}]\n',
};

function limited(name: string, value: number, unit: string, goal: number): Metric {
  return { name, value, unit, goal, met: value <= goal };
}

/** Milliseconds of a whole command: the median, and the best because other work on the machine only ever adds. */
async function command(fleet: KillableMasters, name: string): Promise<{ best: number; median: number }> {
  const samples: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const from = performance.now();
    await run(process.execPath, [BIN, 'orch', name, '-q'], { env: { ...process.env, EDGE_NATS_URL: fleet.url } });
    if (round >= 0) samples.push(performance.now() - from);
  }
  return { best: Math.min(...samples), median: quantile(samples, 0.5) };
}

function residentMb(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(line[1]) / 1024;
}

async function commands(): Promise<readonly Metric[]> {
  const fleet = await KillableMasters.start({ masters: ['m'], hosts: HOSTS, files: FILES, lease: 10, isDirect: true });
  try {
    const metrics: Metric[] = [];
    const both = async (name: string, sls: string, goal: number, own = 0): Promise<void> => {
      const { best, median } = await command(fleet, sls);
      metrics.push(limited(name, best - own, 'ms', goal), plain(`${name}, median`, median - own, 'ms'));
    };
    await both('20 pings on one minion, whole command', 'one', 250);
    await both('20 pings on ten minions', 'ten', 400);
    // The shell and `sleep` start too: measured on the host itself, in the same way.
    const own = await ownTime();
    await both('rolling deploy, beyond its commands', 'deploy', 600, own * DEPLOY_HOSTS.length * 6);
    const before = residentMb(fleet.pid('m'));
    for (let started = 0; started < WAITING_RUNS; started += 50)
      await Promise.all(Array.from({ length: 50 }, () => fleet.ask('orch.run', { name: 'wait' })));
    metrics.push(limited(`${WAITING_RUNS} waiting runs`, residentMb(fleet.pid('m')) - before, 'MB', 200));
    return metrics;
  } finally {
    await fleet.stop();
  }
}

/** Milliseconds of one command of the deployment without Edge. */
async function ownTime(): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    const from = performance.now();
    await run('sh', ['-c', `sleep ${COMMAND_MS / 1000}`]);
    samples.push(performance.now() - from);
  }
  return Math.min(...samples);
}

function highOf(count: number): PyMap {
  const high = new PyMap();
  for (let index = 0; index < count; index += 1) {
    const requires = index === 0 ? [] : [new PyMap([['require', [new PyMap([['test', `s${index - 1}`]])]]])];
    high.set(
      `s${index}`,
      new PyMap([
        ['__sls__', 'x'],
        ['__env__', 'base'],
        ['test', [...requires, 'nop']],
      ] as [Value, Value][]),
    );
  }
  return high;
}

const catalog = { ...compileCatalog(new Map()), hasState: () => true, check: () => ({ value: {}, diagnostics: [] }) };

interface PlanCost {
  readonly compileMs: number;
  /** Microseconds of one step in the engine alone. */
  readonly stepMicros: number;
  /** The same with the record of the run, which is what the journal's entries are folded into. */
  readonly turnMicros: number;
}

/** What a plan costs to compile, and one step of it to decide and fold. */
function plan(count: number): PlanCost {
  const high = highOf(count);
  const from = performance.now();
  const { value } = compile(bareHighData(high), catalog);
  const compileMs = performance.now() - from;
  const begun = performance.now();
  const steps = walk(value!);
  const stepMicros = ((performance.now() - begun) * 1000) / steps;
  const driven = performance.now();
  const turns = drive(value!);
  return { compileMs, stepMicros, turnMicros: ((performance.now() - driven) * 1000) / turns };
}

/** Takes a run to its end by its turns, each step being one of many hosts; nothing is journaled or run. */
function drive(value: Plan): number {
  const stored = { plan: value, settings: {}, undo: { chunks: [] }, pillar: new PyMap() };
  const begun = { run: 'bench', at: 0 };
  const planned = { ...begun, name: 'bench', by: 'bench', inputs: { saltenv: 'base', test: false }, steps: [] };
  let record: RunRecord = foldEvent(undefined, { type: 'run-planned', ...planned, plan: encodeStoredPlan(stored) })!;
  let facts: RunJournalEvent[] = [];
  for (let turns = 0; ; turns += 1) {
    const turn = nextTurn(record, facts, { running: 0, now: 0 });
    record = turn.record;
    if (record.end !== undefined) return turns;
    const hosts = { [`h${turns % HOSTS_OF_PLAN}`]: { outcome: 'succeeded' as const } };
    const answer = { result: true, changes: {}, comment: '', hosts };
    const end = { ...begun, type: 'step-ended', outcome: 'succeeded', answer, startedAt: 0, durationMs: 0 } as const;
    facts = turn.starts.map(({ step, mode, attempt }) => ({ ...end, step, mode, attempt }));
  }
}

function walk(value: Plan): number {
  let state: RunState = createRun(value);
  let steps = 0;
  for (;;) {
    const [action] = decide(state);
    if (action === undefined || action.kind !== 'start-step') return steps;
    const { step, mode } = action;
    state = evolve(state, { type: 'step-started', step, mode, at: 0 });
    const answer = { result: true, changes: new PyMap(), comment: '' };
    state = evolve(state, { type: 'step-ended', step, mode, at: 0, answer, durationMs: 0 });
    steps += 1;
  }
}

/** A metric that may be at most twice what the same costs in a plan a tenth as long. */
function against(name: string, micros: number, other: Metric): Metric {
  const ratio = micros / other.value;
  return { ...plain(name, micros, 'us'), against: other.name, ratio, goal: 2, met: ratio <= 2 };
}

/** The best of several: the first ones are compiled while they run, and other work on the machine only ever adds. */
function bestPlan(count: number): PlanCost {
  const costs = Array.from({ length: PLANS }, () => plan(count));
  const best = (of: (cost: PlanCost) => number): number => Math.min(...costs.map(of));
  return {
    compileMs: best(({ compileMs }) => compileMs),
    stepMicros: best(({ stepMicros }) => stepMicros),
    turnMicros: best(({ turnMicros }) => turnMicros),
  };
}

const small = bestPlan(500);
const large = bestPlan(5_000);
const perStep = plain('one step of 500', small.stepMicros, 'us');
const perTurn = plain('one turn of a run of 500 steps', small.turnMicros, 'us');
report(
  'orch',
  [
    limited('plan of 5,000 steps, compiled', large.compileMs, 'ms', 1_000),
    perStep,
    against('one step of 5,000', large.stepMicros, perStep),
    perTurn,
    against('one turn of a run of 5,000', large.turnMicros, perTurn),
    ...(await commands()),
  ],
  process.argv.slice(2),
);
