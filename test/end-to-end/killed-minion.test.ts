import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/processes.ts';
import { RealFleet } from '../support/real-fleet.ts';

/* A minion dies of SIGKILL while a run needs it: the run ends as it should, says what happened, and nothing runs twice. */

const IDS = ['m1', 'm2', 'm3'];
/** Longer than a dead minion may cost: the work itself is told to last as long. */
const WORK_S = 5;

let fleet: RealFleet;
beforeAll(async () => {
  fleet = await RealFleet.start(IDS);
  const step = (name: string, script: string): string[] => [
    `${name}:`,
    '  salt.function:',
    '    - name: cmd.run',
    "    - tgt: 'm*'",
    `    - arg: ["{% raw %}${script}{% endraw %}"]`,
    '    - kwarg: {template: jinja}',
  ];
  const log = `>> ${fleet.directory}/ran`;
  await mkdir(join(fleet.directory, 'states'), { recursive: true });
  await writeFile(
    join(fleet.directory, 'states/release.sls'),
    [
      ...step('build', `echo {{ grains.id }} begins ${log}; sleep ${WORK_S}; echo {{ grains.id }} builds ${log}`),
      ...step('enable', `echo {{ grains.id }} enables ${log}`),
      '    - require: [{salt: build}]',
      '',
    ].join('\n'),
  );
});
afterAll(() => fleet.stop());

const ran = async (): Promise<string[]> =>
  (await readFile(join(fleet.directory, 'ran'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
const times = async (line: string): Promise<number> => (await ran()).filter((one) => one === line).length;
const journal = async (run: string): Promise<RunJournalEvent[]> =>
  ((await fleet.ask('orch.show', { run })) as unknown as { events: RunJournalEvent[] }).events;
const ended = (run: string): Promise<RunJournalEvent & { type: 'run-ended' }> =>
  eventually(async () => (await journal(run)).find((event) => event.type === 'run-ended'), 'the run ends', 60_000);
const hostsOf = async (run: string, step: string): Promise<unknown> => {
  const found = (await journal(run)).find((event) => event.type === 'step-ended' && event.step.includes(step));
  return (found as { answer: { hosts: unknown } } | undefined)?.answer.hosts;
};

/** Starts a run and kills m1 while it builds; the lines written before do not count. */
async function releaseAndKill(options: object = {}): Promise<{ readonly run: string; readonly killedAt: number }> {
  await writeFile(join(fleet.directory, 'ran'), '');
  const { run } = (await fleet.ask('orch.run', { name: 'release', options })) as { run: string };
  await eventually(async () => (await times('m1 begins')) === 1, 'm1 builds');
  await fleet.kill('m1');
  return { run, killedAt: Date.now() };
}

test('a minion that is started again says that its job was interrupted; a retry does the rest', async () => {
  const { run } = await releaseAndKill();
  fleet.startMinion('m1');
  expect(await ended(run)).toMatchObject({ outcome: 'failed', exitCode: 1 });
  expect(await hostsOf(run, 'build')).toMatchObject({
    m1: { outcome: 'failed', evidence: expect.stringContaining('was stopped while cmd.run ran') },
    m2: { outcome: 'succeeded' },
    m3: { outcome: 'succeeded' },
  });
  expect((await ran()).filter((line) => line.endsWith('enables'))).toEqual([]);
  const { run: again } = (await fleet.ask('orch.retry', { run, onlyFailed: true })) as { run: string };
  expect(await ended(again)).toMatchObject({ outcome: 'succeeded' });
  for (const id of ['m2', 'm3']) expect(await times(`${id} begins`)).toBe(1);
  for (const id of IDS) expect(await times(`${id} enables`)).toBe(1);
});

test('one that stays dead is unreachable, and costs seconds', async () => {
  const { run, killedAt } = await releaseAndKill();
  const end = await ended(run);
  expect(end).toMatchObject({ outcome: 'failed', exitCode: 1 });
  // No later than the others need, and what a dead connection takes to be known.
  expect(end.at - killedAt).toBeLessThan(30_000);
  expect(await hostsOf(run, 'build')).toMatchObject({ m1: { outcome: 'unreachable' }, m2: { outcome: 'succeeded' } });
  fleet.startMinion('m1');
});

test('it is left out where the run is told to go on without hosts that fail', async () => {
  await eventually(async () => {
    const { nodes } = (await fleet.ask('nodes.ls', {})) as { nodes: { state: string }[] };
    return nodes.every(({ state }) => state === 'connected');
  }, 'm1 is back');
  const { run } = await releaseAndKill({ on_target_failure: 'drop' });
  expect(await ended(run)).toMatchObject({ outcome: 'succeeded' });
  expect((await ran()).filter((line) => line.endsWith('enables')).toSorted()).toEqual(['m2 enables', 'm3 enables']);
  fleet.startMinion('m1');
});
