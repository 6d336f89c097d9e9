import { randomUUID } from 'node:crypto';
import type { NatsBus } from '@edge-run/shared/bus';
import { startFleet, type TestFleet } from '../test/support/fleet.ts';
import { compared, type Metric, plain, quantile, report } from './report.ts';

/*
 * How long `exec test.ping` takes for 1 and for 100 minions (real agents in this process: signed job, job store,
 * return captured by the stream), beside bare NATS request-reply over as many connections in the same run.
 */

const ROUNDS = 200;
const WARM_UP = 20;
const never = new AbortController().signal;

async function measure(work: () => Promise<void>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const from = performance.now();
    await work();
    if (round >= WARM_UP) samples.push(performance.now() - from);
  }
  return samples;
}

/** `count` connections that answer at once, on a server of the same kind. */
async function bareResponders(fleet: TestFleet, count: number): Promise<readonly NatsBus[]> {
  const buses: NatsBus[] = [];
  for (let index = 0; index < count; index += 1) {
    const bus = await fleet.connectMaster(`bare${index}`);
    bus.connection.subscribe(`bare.${index}`, { callback: (_, message) => void message.respond(message.data) });
    await bus.flush();
    buses.push(bus);
  }
  return buses;
}

async function pair(
  fleet: TestFleet,
  count: number,
  goals: { p50: number; p99: number | null },
): Promise<readonly Metric[]> {
  const ids = Array.from({ length: count }, (_, index) => `n${count}-${index}`);
  const master = await fleet.startMaster(`m${count}`);
  await Promise.all(ids.map((id) => fleet.startMinion(id)));
  const bare = await bareResponders(fleet, count);
  const asker = await fleet.connectMaster('asker');
  const body = JSON.stringify({ id: randomUUID(), padding: 'x'.repeat(400) });
  const raw = await measure(async () => {
    await Promise.all(bare.map((_, index) => asker.connection.request(`bare.${index}`, body, { timeout: 5_000 })));
  });
  const jobs = await measure(async () => {
    const { targets } = await master.jobs.run({ target: ids.join(','), targetType: 'list', fun: 'test.ping' }, never);
    const failed = [...targets.values()].filter(({ outcome }) => outcome !== 'succeeded').length;
    if (failed > 0 || targets.size !== count) throw new Error(`${failed} of ${targets.size} targets failed`);
  });
  await Promise.all([...bare, asker].map((bus) => bus.close()));
  await master.stop();
  return (['p50', 'p99'] as const).flatMap((name) => {
    const share = name === 'p50' ? 0.5 : 0.99;
    const base = plain(`request-reply, ${count} minions, ${name}`, quantile(raw, share), 'ms');
    return [base, compared(`test.ping, ${count} minions, ${name}`, quantile(jobs, share), 'ms', base, goals[name])];
  });
}

const fleet = await startFleet();
try {
  const metrics = [
    ...(await pair(fleet, 1, { p50: 15, p99: null })),
    ...(await pair(fleet, 100, { p50: 15, p99: null })),
  ];
  report('ping', metrics, process.argv.slice(2));
} finally {
  await fleet.stop();
}
