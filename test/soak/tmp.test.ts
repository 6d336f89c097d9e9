import { cpSync } from 'node:fs';
import { test } from 'vitest';
import { proveDeath, startProof } from '../support/kill-proof.ts';

test('x', async () => {
  const fleet = await startProof(['one', 'two']);
  try {
    for (let i = 0; i < 100; i += 1) {
      let dead = '';
      await proveDeath(fleet, `b${i}`, {
        death: { kind: 'entry', after: (i >> 1) % 32, isDelivered: i % 2 === 1 },
        recover: async (m) => {
          dead = m;
        },
      });
      console.log('trial', i, 'ok; dead', dead);
      await fleet.startMaster(dead);
    }
  } catch (error) {
    cpSync(fleet.directory, '/tmp/kept', { recursive: true });
    console.log(JSON.stringify((await fleet.journal((await fleet.runs())[0]!.run)).slice(-12), null, 0));
    throw error;
  } finally {
    await fleet.stop();
  }
});
