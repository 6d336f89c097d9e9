import { type ChildProcess, fork } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createKeyring, type Keyring } from '@edge-run/master/keys';
import { createKeyPair, signBody } from '@edge-run/shared/bus';
import { startFleet, type TestFleet, type TestMaster } from '../test/support/fleet.ts';
import { RealFleet } from '../test/support/real-fleet.ts';
import type { Order } from './fleet-agents.ts';
import { compared, type Metric, plain, quantile, report } from './report.ts';

/*
 * How fast a job is answered by many minions: real agents, a process for each half of them, beside bare NATS clients in
 * the same processes' shape that verify one signature a job and answer. Then how fast many minions that knock at once
 * with a token are let in, and whether jobs that are in flight at once lose or double anything.
 * Then the memory of a master whose minions are idle.
 * `EDGE_FLEET_SIZES=1,100` measures other sizes.
 */

const SIZES = (process.env.EDGE_FLEET_SIZES ?? '1,100,1000,5000,10000').split(',').map(Number);
const STORM = Number(process.env.EDGE_FLEET_STORM ?? 2_000);
/** Minions that do nothing while the memory of their master is read; 0: not read. */
const IDLE = Number(process.env.EDGE_FLEET_IDLE ?? 10_000);
const IDLE_FOR_MS = 20_000;
const IN_FLIGHT = 30;
const IN_FLIGHT_MINIONS = 1_000;
const PROCESSES = 2;
/** Few minions are asked more often: what is asked for the first time is slower, for bare clients and minions alike. */
const ROUNDS = { one: 2_000, few: 21, many: 7 };
const FEW = 1_000;
const PADDING = 'x'.repeat(400);
const AGENTS = fileURLToPath(new URL('./fleet-agents.js', import.meta.url));
const never = new AbortController().signal;
setMaxListeners(0, never); // every job in flight listens to it

/** A process of agents or bare clients. */
class Crowd {
  readonly #children: readonly ChildProcess[] = Array.from({ length: PROCESSES }, () => fork(AGENTS));

  /** Gives each process its share and waits until all have done it; answers with the memory of all, in bytes. */
  async order<T>(items: readonly T[], make: (share: readonly T[]) => Order): Promise<number> {
    const shares = this.#children.map((_, index) => items.filter((_item, at) => at % PROCESSES === index));
    const answers = await Promise.all(
      this.#children.map(async (child, index) => {
        child.send(make(shares[index]!));
        const [answer] = (await once(child, 'message')) as [{ failed?: string; rss: number }];
        if (answer.failed !== undefined) throw new Error(answer.failed);
        return answer.rss;
      }),
    );
    return answers.reduce((sum, rss) => sum + rss, 0);
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

async function withCrowd<T>(work: (crowd: Crowd) => Promise<T>): Promise<T> {
  const crowd = new Crowd();
  try {
    return await work(crowd);
  } finally {
    crowd.end();
  }
}

/** Milliseconds from publishing a signed body of 512 bytes to the last of `count` answers, over several rounds. */
async function bare(fleet: TestFleet, count: number): Promise<readonly number[]> {
  return withCrowd(async (crowd) => {
    const signer = createKeyPair('user');
    const users = Array.from({ length: count }, (_, index) => ({
      creds: fleet.keyring.masterCreds(`b${index}`),
      index,
    }));
    const servers = [fleet.nats.url];
    await crowd.order(users, (share) => ({ kind: 'bare', servers, users: share, publicKey: signer.publicKey }));
    const asker = await fleet.connectMaster('bare-asker');
    let missing = 0;
    let finish: () => void = () => {};
    asker.connection.subscribe('bare.ret.>', {
      callback: () => {
        missing -= 1;
        if (missing === 0) finish();
      },
    });
    await asker.flush();
    const samples: number[] = [];
    for (let round = 0; round < roundsOf(count); round += 1) {
      missing = count;
      const from = performance.now();
      const all = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const envelope = { ...signBody({ round, padding: PADDING }, signer), sentAt: round };
      asker.connection.publish('bare.job', JSON.stringify(envelope));
      await all;
      samples.push(performance.now() - from);
    }
    await asker.close();
    return samples;
  });
}

function roundsOf(count: number): number {
  if (count === 1) return ROUNDS.one;
  return count <= FEW ? ROUNDS.few : ROUNDS.many;
}

async function ping(master: TestMaster, ids: readonly string[]): Promise<void> {
  const { targets } = await master.jobs.run({ target: ids.join(','), targetType: 'list', fun: 'test.ping' }, never);
  const failed = [...targets.values()].filter(({ outcome }) => outcome !== 'succeeded').length;
  if (failed > 0 || targets.size !== ids.length) throw new Error(`${failed} of ${targets.size} targets failed`);
}

/** Minions that were let in before. */
async function admitted(keyring: Keyring, server: string, ids: readonly string[]): Promise<Order & { kind: 'agents' }> {
  const { token } = await keyring.createToken({ name: 'bench', uses: ids.length });
  const minions: { id: string; seed: string; jwt: string }[] = [];
  for (const id of ids) {
    const pair = createKeyPair('user');
    const knock = signBody({ id, publicKey: pair.publicKey, token, at: Date.now() }, pair);
    const answer = await keyring.onKnock(pair.publicKey, knock);
    if (answer?.status !== 'accepted') throw new Error(`${id}: ${answer?.status}`);
    minions.push({ id, seed: pair.seed(), jwt: answer.jwt });
  }
  const trustedKey = keyring.jobSigner.publicKey;
  return { kind: 'agents', servers: [server], directory: '', trustedKey, minions };
}

async function pings(fleet: TestFleet, directory: string, count: number): Promise<readonly Metric[]> {
  const raw = await bare(fleet, count);
  const ids = Array.from({ length: count }, (_, index) => `n${count}-${index}`);
  const order = await admitted(fleet.keyring, fleet.nats.url, ids);
  return withCrowd(async (crowd) => {
    await crowd.order(order.minions, (minions) => ({ ...order, directory, minions }));
    const master = await fleet.startMaster(`m${count}`);
    const samples: number[] = [];
    for (let round = 0; round < roundsOf(count); round += 1) {
      const from = performance.now();
      await ping(master, ids);
      samples.push(performance.now() - from);
    }
    const flights = count === IN_FLIGHT_MINIONS ? [await inFlight(master, ids)] : [];
    await master.stop();
    const base = plain(`${count} bare clients, all answers`, quantile(raw, 0.5), 'ms');
    const ours = compared(`${count} minions, all answers`, quantile(samples, 0.5), 'ms', base, 2);
    const rate = (ms: number): number => (count / ms) * 1_000;
    const rates = [plain(`${count} bare clients`, rate(base.value), 'replies/s')];
    rates.push(plain(`${count} minions`, rate(ours.value), 'replies/s'));
    return [base, ours, ...rates, ...flights];
  });
}

/** Jobs at once to many minions: each must run once on each. */
async function inFlight(master: TestMaster, ids: readonly string[]): Promise<Metric> {
  const counted = async (): Promise<ReadonlyMap<string, number>> => {
    const { targets } = await master.jobs.run({ target: ids.join(','), targetType: 'list', fun: 'test.count' }, never);
    for (const [id, { outcome, evidence }] of targets)
      if (outcome !== 'succeeded') throw new Error(`${id} ${outcome}: ${evidence}`);
    return new Map([...targets].map(([id, { ret }]) => [id, Number(ret)]));
  };
  const before = await counted();
  const from = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, counted));
  const took = performance.now() - from;
  const after = await counted();
  const wrong = ids.filter((id) => after.get(id)! - before.get(id)! !== IN_FLIGHT + 1);
  if (wrong.length > 0) {
    const [id] = wrong as [string];
    throw new Error(
      `${wrong.length} minions lost or doubled jobs: ${id} counted ${before.get(id)} and ${after.get(id)}`,
    );
  }
  return plain(`${IN_FLIGHT} jobs at once, ${ids.length} minions, none lost`, took, 'ms');
}

/** Seconds until all minions that knock at once with a token are in and have answered. */
async function storm(fleet: TestFleet, directory: string): Promise<Metric> {
  return withCrowd(async (crowd) => {
    const master = await fleet.startMaster('storm');
    const { token } = await fleet.keyring.createToken({ name: 'storm', uses: STORM });
    const ids = Array.from({ length: STORM }, (_, index) => `s${index}`);
    const knock = { jwt: fleet.keyring.knockJwt(), token };
    const trustedKey = fleet.keyring.jobSigner.publicKey;
    const from = performance.now();
    await crowd.order(
      ids.map((id) => ({ id })),
      (minions) => ({ kind: 'agents', servers: [fleet.nats.url], directory, trustedKey, minions, knock }),
    );
    await ping(master, ids);
    const seconds = (performance.now() - from) / 1_000;
    await master.stop();
    return { ...plain(`${STORM} minions let in by token`, seconds, 's'), goal: 60, met: seconds < 60 };
  });
}

/** Memory of a master, a program of its own, while many minions that told their facts have nothing to do. */
async function idleMaster(directory: string): Promise<Metric> {
  const real = await RealFleet.start([]);
  try {
    return await withCrowd(async (crowd) => {
      const { servers } = (await real.ask('keys.join', {})) as { servers: readonly string[] };
      await real.kill('master');
      const keyring = await createKeyring({ dir: join(real.directory, 'data/keys') });
      const ids = Array.from({ length: IDLE }, (_, index) => `i${index}`);
      const order = await admitted(keyring, servers[0]!, ids);
      await real.startMaster();
      await crowd.order(order.minions, (minions) => ({ ...order, directory, minions, tellsFacts: true }));
      await setTimeout(IDLE_FOR_MS);
      const status = readFileSync(`/proc/${real.pid('master')}/status`, 'utf8');
      const megabytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1_024;
      return { ...plain(`master with ${IDLE} idle minions`, megabytes, 'MB'), goal: 600, met: megabytes <= 600 };
    });
  } finally {
    await real.stop();
  }
}

const fleet = await startFleet();
const directory = await mkdtemp(join(tmpdir(), 'edge-bench-fleet-'));
try {
  const metrics: Metric[] = [];
  for (const size of SIZES) metrics.push(...(await pings(fleet, directory, size)));
  if (STORM > 0) metrics.push(await storm(fleet, directory));
  if (IDLE > 0) metrics.push(await idleMaster(directory));
  report('fleet', metrics, process.argv.slice(2));
} finally {
  await fleet.stop();
  await rm(directory, { recursive: true, force: true });
}
