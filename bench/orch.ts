import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
const HOSTS = Array.from({ length: 10 }, (_, index) => `h${index}`);
const DEPLOY_HOSTS = HOSTS.slice(0, 5);
const WAITING_RUNS = 1_000;
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
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = performance.now();
    await run(process.execPath, [BIN, 'orch', name, '-q'], { env: { ...process.env, EDGE_NATS_URL: fleet.url } });
    samples.push(performance.now() - from);
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

/** Milliseconds to compile a plan, and microseconds to decide and fold one step of it. */
function plan(count: number): { readonly compileMs: number; readonly stepMicros: number } {
  const high = highOf(count);
  const from = performance.now();
  const { value } = compile(bareHighData(high), catalog);
  const compileMs = performance.now() - from;
  const begun = performance.now();
  const steps = walk(value!);
  return { compileMs, stepMicros: ((performance.now() - begun) * 1000) / steps };
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

plan(500);
const small = plan(500);
const large = plan(5_000);
const perStep = plain('one step of 500', small.stepMicros, 'us');
report(
  'orch',
  [
    limited('plan of 5,000 steps, compiled', large.compileMs, 'ms', 1_000),
    perStep,
    {
      ...plain('one step of 5,000', large.stepMicros, 'us'),
      against: perStep.name,
      ratio: large.stepMicros / small.stepMicros,
      goal: 2,
      met: large.stepMicros / small.stepMicros <= 2,
    },
    ...(await commands()),
  ],
  process.argv.slice(2),
);
