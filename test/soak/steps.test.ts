import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RealFleet } from '../support/real-fleet.ts';

/* The master is killed between the batches of a step, while a gate is asked, and while a step waits. */

const IDS = ['m1', 'm2', 'm3', 'm4'];
const SLEEP_S = 20;
/** When in the pause the master is killed. Were it begun anew, it would take as much longer. */
const KILLED_AFTER_MS = 12_000;

let fleet: RealFleet;
beforeAll(async () => {
  fleet = await RealFleet.start(IDS);
  const job = (what: string): string =>
    `arg: ["{% raw %}echo {{ grains.id }} ${what} >> ${fleet.directory}/ran; sleep 1{% endraw %}"]`;
  await mkdir(join(fleet.directory, 'states'), { recursive: true });
  await writeFile(
    join(fleet.directory, 'states/killed.sls'),
    [
      'release:',
      '  salt.function:',
      '    - name: cmd.run',
      "    - tgt: 'm*'",
      `    - ${job('ran')}`,
      '    - kwarg: {template: jinja}',
      '    - batch: [1, 100%]',
      '    - max_failures: 0',
      `    - gate: {fun: cmd.run, ${job('gate')}, kwarg: {template: jinja}}`,
      'pause:',
      '  sleep.for:',
      `    - seconds: ${SLEEP_S}`,
      '',
    ].join('\n'),
  );
});
afterAll(() => fleet.stop());

const ran = async (): Promise<string[]> =>
  (await readFile(join(fleet.directory, 'ran'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
const isPause = (event: object): boolean => 'step' in event && String(event.step).includes('pause');
const journal = async (run: string): Promise<RunJournalEvent[]> =>
  ((await fleet.ask('orch.show', { run })) as unknown as { events: RunJournalEvent[] }).events;

test('the next master goes on exactly there', async () => {
  const { run } = (await fleet.ask('orch.run', { name: 'killed' })) as { run: string };
  const killAt = async (isThere: () => Promise<boolean>, what: string): Promise<void> => {
    await eventually(isThere, what, 60_000);
    await fleet.kill('master');
    await fleet.startMaster();
  };
  await killAt(async () => (await ran()).length === 1, 'the first batch runs');
  await killAt(async () => (await ran()).some((line) => line.endsWith('gate')), 'a gate is asked');
  await killAt(async () => {
    const begun = (await journal(run)).find(({ type, ...event }) => type === 'step-started' && isPause(event));
    return begun !== undefined && Date.now() - begun.at > KILLED_AFTER_MS;
  }, 'most of the pause is over');
  await eventually(
    async () => (await journal(run)).some(({ type }) => type === 'run-ended'),
    'the run has ended',
    90_000,
  );
  const events = await journal(run);
  expect(events.find(({ type }) => type === 'run-ended')).toMatchObject({ outcome: 'succeeded' });
  // Each host ran the function once and its gate once, the second batch behind the first gate.
  const lines = await ran();
  expect([...lines].sort()).toEqual(IDS.flatMap((id) => [`${id} gate`, `${id} ran`]));
  expect(lines.slice(0, 2)).toEqual(['m1 ran', 'm1 gate']);
  // The pause is one, whoever waited.
  const pause = events.find((event) => event.type === 'step-ended' && isPause(event));
  if (pause?.type !== 'step-ended') throw new Error('the pause has not ended');
  expect(pause.durationMs).toBeGreaterThanOrEqual(SLEEP_S * 1000);
  expect(pause.durationMs).toBeLessThan(SLEEP_S * 1000 + KILLED_AFTER_MS);
}, 240_000);
