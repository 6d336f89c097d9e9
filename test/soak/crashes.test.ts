import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RealFleet } from '../support/real-fleet.ts';
import { seededRandom } from '../support/seeded-random.ts';

/* Master, nats-server and minions are killed at random while a thousand jobs run: each target of each ends in one state. */

const IDS = ['m1', 'm2', 'm3', 'm4'];
const JOBS = Number(process.env.EDGE_SOAK_JOBS ?? 1_000);
const SEED = Number(process.env.EDGE_SOAK_SEED ?? 1);
/** One that dies more than five times in a minute is given up. */
const SERVER_LIVES_MS = 15_000;
const OUTCOMES = new Set(['succeeded', 'failed', 'unreachable', 'no-return', 'timed-out', 'cancelled']);

interface Details {
  readonly targets: readonly string[];
  readonly endedAt?: number;
  readonly outcomes: Readonly<Record<string, string>>;
  readonly returns: readonly { readonly id: string; readonly outcome: string; readonly ret?: unknown }[];
}

let fleet: RealFleet;
beforeAll(async () => {
  fleet = await RealFleet.start(IDS);
});
afterAll(() => fleet.stop());

test('every target of every job ends in exactly one state, and no acknowledged return is lost', async () => {
  const random = seededRandom(SEED);
  const jids: string[] = [];
  /** Job and minion → what had been returned when somebody looked. */
  const acknowledged = new Map<string, unknown>();
  const show = async (jid: string): Promise<Details> => (await fleet.ask('jobs.show', { jid })) as unknown as Details;
  const kills = { master: 0, server: 0, minion: 0 };
  let serverKilledAt = 0;
  while (jids.length < JOBS) {
    try {
      const target = { expr: '*', type: 'glob' };
      const words = { args: ['0.2'], kwargs: [] };
      const { jid } = (await fleet.ask('jobs.publish', { target, fun: 'test.sleep', ...words })) as { jid: string };
      jids.push(jid);
      const looked = jids[Math.floor(random() * jids.length)]!;
      const seen = await show(looked);
      for (const { id, outcome, ret } of seen.returns)
        if (outcome === 'succeeded') acknowledged.set(`${looked} ${id}`, ret ?? null);
    } catch {
      await sleep(50); // nobody answers just now: what was asked may have been done all the same
    }
    // A master whose server dies while it starts ends, and whoever looks after services starts it again.
    if (!fleet.isRunning('master')) await fleet.startMaster();
    const dice = random();
    if (dice < 0.01) {
      kills.master += 1;
      await fleet.kill('master');
      await fleet.startMaster();
    } else if (dice < 0.02 && Date.now() - serverKilledAt > SERVER_LIVES_MS) {
      serverKilledAt = Date.now();
      kills.server += 1;
      await fleet.killServer();
    } else if (dice < 0.04) {
      kills.minion += 1;
      const id = IDS[Math.floor(random() * IDS.length)]!;
      await fleet.kill(id);
      fleet.startMinion(id);
    }
  }
  expect(Math.min(kills.master, kills.server, kills.minion)).toBeGreaterThan(0);
  for (const jid of jids) {
    const details = await eventually(
      async () => {
        const now = await show(jid).catch(() => undefined);
        return now?.endedAt === undefined ? undefined : now;
      },
      `job ${jid} has ended`,
      120_000,
    );
    expect(Object.keys(details.outcomes).sort(), jid).toEqual([...details.targets].sort());
    for (const [id, outcome] of Object.entries(details.outcomes))
      expect(OUTCOMES.has(outcome), `${jid} ${id}`).toBe(true);
    for (const id of details.targets)
      if (acknowledged.has(`${jid} ${id}`)) expect(details.outcomes[id], `${jid} ${id}`).toBe('succeeded');
  }
});
