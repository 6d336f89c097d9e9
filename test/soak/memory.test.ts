import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealFleet } from '../support/real-fleet.ts';

/* Jobs for twenty minutes: the memory of master and minion does not grow with them, that of nats-server by what it keeps. */

const MINUTES = Number(process.env.EDGE_SOAK_MINUTES ?? 20);
const SAMPLE_MS = 5_000;
const SAMPLES_A_LINE = 12;
/** Answers in a row that do not come in time. */
const MOST_LATE = 3;
/** Growth in MB a minute that is more than the noise of a garbage collector. */
const MOST_MB_A_MINUTE = 1;
/** The server keeps jobs, returns and events for days, and remembers the subject of each: that is history, not a leak. */
const MOST_KB_A_KEPT_JOB = 16;
/** MB of a real minion that has nothing to do. */
const IDLE_MINION_MB = 75;

let fleet: RealFleet;
beforeAll(async () => {
  fleet = await RealFleet.start(['m1', 'm2']);
});
afterAll(() => fleet.stop());

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;
}

/** Slope of a line through the samples, in MB a minute. */
function slope(samples: readonly number[]): number {
  const minutes = samples.map((_, index) => (index * SAMPLE_MS) / 60_000);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(minutes), mean(samples)];
  const covariance = minutes.reduce((sum, minute, index) => sum + (minute - x) * (samples[index]! - y), 0);
  return covariance / minutes.reduce((sum, minute) => sum + (minute - x) ** 2, 0);
}

function lastLine(samples: ReadonlyMap<string, readonly number[]>, jobs: number): string {
  const sizes = [...samples].map(([name, all]) => `${name} ${all.at(-1)!.toFixed(1)} MB`);
  return `after ${jobs} jobs: ${sizes.join(', ')}`;
}

test('an idle minion is small', async () => {
  await sleep(10_000);
  const mb = residentMb(fleet.pid('m1'));
  process.stdout.write(`idle minion: ${mb.toFixed(1)} MB\n`);
  expect(mb).toBeLessThan(IDLE_MINION_MB * 1.35);
});

test(
  'memory does not grow with the jobs',
  async () => {
    const server = await fleet.serverPid();
    const pids = { master: fleet.pid('master'), minion: fleet.pid('m1'), 'nats-server': server };
    const samples = new Map(Object.keys(pids).map((name) => [name, [] as number[]]));
    const until = Date.now() + MINUTES * 60_000;
    let jobs = 0;
    let late = 0;
    let slowestMs = 0;
    let next = Date.now();
    while (Date.now() < until) {
      const target = { expr: '*', type: 'glob' };
      const asked = Date.now();
      try {
        await fleet.ask('jobs.publish', { target, fun: 'test.ping', args: [], kwargs: [] });
        late = 0;
      } catch (error) {
        // A machine that stands still for a while is none of this test's business; a master that does is.
        late += 1;
        process.stdout.write(`job ${jobs}: ${errorMessage(error)}\n`);
        if (late > MOST_LATE) throw error;
      }
      slowestMs = Math.max(slowestMs, Date.now() - asked);
      jobs += 1;
      if (Date.now() >= next) {
        next += SAMPLE_MS;
        for (const [name, pid] of Object.entries(pids)) samples.get(name)!.push(residentMb(pid));
        if (samples.get('master')!.length % SAMPLES_A_LINE === 1) process.stdout.write(`${lastLine(samples, jobs)}\n`);
      }
      await sleep(20);
    }
    process.stdout.write(`slowest answer: ${slowestMs} ms\n`);
    for (const [name, all] of samples) {
      // The first quarter is caches filling.
      const settled = all.slice(Math.floor(all.length / 4));
      const mbAMinute = slope(settled);
      process.stdout.write(`${name}: ${settled.at(-1)!.toFixed(1)} MB, ${mbAMinute.toFixed(3)} MB/min, ${jobs} jobs\n`);
      if (name !== 'nats-server') expect(mbAMinute, name).toBeLessThan(MOST_MB_A_MINUTE);
      else expect(((all.at(-1)! - all[0]!) * 1_024) / jobs, 'kB a job').toBeLessThan(MOST_KB_A_KEPT_JOB);
    }
  },
  MINUTES * 60_000 + 120_000,
);
