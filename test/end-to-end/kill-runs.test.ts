import { afterAll, beforeAll, test } from 'vitest';
import { type Death, ENTRIES, proveDeath, startProof } from '../support/kill-proof.ts';
import type { KillableMasters } from '../support/killable-masters.ts';
import { seededRandom } from '../support/seeded-random.ts';

/* A seeded sample; test/soak/kill-runs.test.ts goes through every boundary. */

const seed = Number(process.env.EDGE_TEST_SEED ?? 20261121);
const random = seededRandom(seed);
const TRIALS = 8;

let fleet: KillableMasters;
beforeAll(async () => {
  fleet = await startProof(['one']);
});
afterAll(() => fleet?.stop());

test(`a deployment goes on where its killed master left it (seed ${seed})`, async () => {
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const after = Math.floor(random() * ENTRIES);
    const deaths: readonly Death[] = [
      { kind: 'entry', after, isDelivered: false },
      { kind: 'entry', after, isDelivered: true },
      { kind: 'instant', afterMs: random() * 800, master: 'one' },
    ];
    const death = deaths[trial % 3]!;
    await proveDeath(fleet, `t${trial}`, { death, recover: (master) => fleet.startMaster(master) });
  }
});
