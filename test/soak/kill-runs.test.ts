import { afterEach, describe, test } from 'vitest';
import { type Death, ENTRIES, proveDeath, startProof } from '../support/kill-proof.ts';
import type { KillableMasters } from '../support/killable-masters.ts';
import { seededRandom } from '../support/seeded-random.ts';

/* A deployment of five hosts in six steps, whose master is killed at every entry of its journal and at random instants. */

const seed = Number(process.env.EDGE_SOAK_SEED ?? 1);
const INSTANTS = Number(process.env.EDGE_SOAK_INSTANTS ?? 200);
/** About how long a deployment takes. */
const SPAN_MS = 2_000;

const boundaries: readonly Death[] = Array.from({ length: ENTRIES }, (_, after) => after).flatMap((after) => [
  { kind: 'entry', after, isDelivered: false },
  { kind: 'entry', after, isDelivered: true },
]);

let fleet: KillableMasters | undefined;
afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
});

describe('one master, started again', () => {
  test('is killed at every entry of the journal, before and after that is stored', async () => {
    fleet = await startProof(['one']);
    for (const [trial, death] of boundaries.entries()) {
      await proveDeath(fleet, `e${trial}`, { death, recover: (master) => fleet!.startMaster(master) });
    }
  });

  test(`is killed at ${INSTANTS} random instants (seed ${seed})`, async () => {
    fleet = await startProof(['one']);
    const random = seededRandom(seed);
    for (let trial = 0; trial < INSTANTS; trial += 1) {
      const death: Death = { kind: 'instant', afterMs: random() * SPAN_MS, master: 'one' };
      await proveDeath(fleet, `i${trial}`, { death, recover: (master) => fleet!.startMaster(master) });
    }
  });
});

describe('two masters', () => {
  test('take over from each other at every entry of the journal', async () => {
    fleet = await startProof(['one', 'two']);
    for (const [trial, death] of boundaries.entries()) {
      let dead = '';
      const recover = async (master: string): Promise<void> => {
        dead = master;
      };
      await proveDeath(fleet, `b${trial}`, { death, recover });
      await fleet.startMaster(dead);
    }
  });
});
