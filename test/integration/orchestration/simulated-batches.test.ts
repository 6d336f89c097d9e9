import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Simulation, simulate } from '@edge-run/master/simulation';
import { newId, silentLogger } from '@edge-run/shared/kernel';
import { CodedAnswer, defineWrite } from '@edge-run/shared/modules/contract';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

const IDS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'h7', 'h8'];
const QUIET = { fail: [], unreachable: [], slowShare: 0 };

let orchestra: LocalOrchestra;
afterEach(() => orchestra.dispose());

/** A function that fails on some hosts. */
function failingOn(name: string, ids: readonly string[]): Parameters<typeof defineWrite>[0] {
  return {
    ...{ name, summary: 'Fail on some hosts.', args: z.object({}), returns: 'Whether it went well.', examples: [] },
    run: async (_, { host }) =>
      ids.includes(host.id) ? new CodedAnswer('failed, as the simulation was told', 1) : true,
  };
}

/** What a run on hosts that exist and one on hosts that do not say of the same steps. */
async function both(sls: string, bad: Readonly<Record<string, readonly string[]>>): Promise<[string[], Simulation]> {
  orchestra = await LocalOrchestra.start({
    files: {
      'salt/orch/o.sls': sls,
      'pillar/top.sls': 'base:\n  "*": [hosts]\n',
      'pillar/hosts.sls': `hosts: {${IDS.map((id) => `${id}: {}`).join(', ')}}\n`,
    },
    ...{ master: 'm', grains: {}, minions: Object.fromEntries(IDS.map((id) => [id, {}])) },
    functions: ['shop.switch', 'shop.healthy', 'shop.after'].map((name) =>
      defineWrite(failingOn(name, bad[name] ?? [])),
    ),
  });
  const named = (id: string): string => (id === 'm' ? 'master' : id);
  const fail = Object.entries(bad).flatMap(([step, ids]) => ids.map((id) => ({ host: named(id), step })));
  const simulation = await simulate(
    { name: 'o', by: 'ann', faults: { ...QUIET, fail } },
    { runtime: orchestra.runtime, known: () => [], log: silentLogger },
  );
  const run = await orchestra.runs.start({ id: newId(), name: 'o', by: 'ann' });
  await orchestra.runs.wait(run, new AbortController().signal);
  const ends = (await orchestra.runs.events(run)).flatMap((event) =>
    event.type === 'step-ended' && event.outcome !== 'skipped' ? [event] : [],
  );
  const real = ends.map(({ outcome, answer, step }) => {
    const missed = Object.entries(answer.hosts ?? {}).flatMap(([id, end]) => (end.outcome === 'succeeded' ? [] : [id]));
    const why =
      outcome !== 'succeeded' ? `: ${answer.comment}` : missed.length > 0 ? `, not on ${missed.join(', ')}` : '';
    return `${step.split('_|-')[1]} ${outcome}${why}`;
  });
  return [real, simulation];
}

/** What a timeline says of steps, without times. */
function told(texts: readonly string[]): string[] {
  return texts.filter((text) => /^s\d /.test(text)).map((text) => text.replace(/ in [\d.]+ ?m?s/, ''));
}

/** A step on all hosts, with words of its own; the next one asks them all again. */
function steps(words: readonly string[], run: string): string {
  const first = [
    's1:',
    '  salt.function:',
    '    - name: shop.switch',
    "    - tgt: 'h*'",
    ...words.map((one) => `    - ${one}`),
  ];
  return [run, ...first, 's2:', '  salt.function: [{name: shop.after}, {tgt: "h*"}]', ''].join('\n');
}

const GATE = 'gate: {fun: shop.healthy}';
const DROP = '__run__: {on_target_failure: drop}';

describe('a simulation comes to the end that a run comes to', () => {
  test.each<[string, string[], Record<string, string[]>, string?]>([
    ['shares are rounded down', ['batch: 30%', 'batch_wait: 2'], {}],
    ['a failure in the first batch', ['batch: [1, 25%, 100%]', 'max_failures: 0'], { 'shop.switch': ['h1'] }],
    ['a limit spent later', ['batch: [1, 25%, 100%]', 'max_failures: 1'], { 'shop.switch': ['h1', 'h3', 'h8'] }],
    ['within the budget', ['batch: 2', 'max_failures: 25%'], { 'shop.switch': ['h2', 'h7'] }],
    ['on_target_failure: stop', ['batch: 1', 'on_target_failure: stop'], { 'shop.switch': ['h2'] }],
    ['all at once', ['max_failures: 1'], { 'shop.switch': ['h2', 'h4'] }],
    ['a gate that fails', ['batch: [2, 100%]', GATE], { 'shop.healthy': ['h2'] }],
    ['a gate on who succeeded', ['batch: [2, 100%]', GATE], { 'shop.switch': ['h2'], 'shop.healthy': ['h2'] }],
    ['a gate on the master', ['batch: [2, 100%]', 'gate: {fun: shop.healthy, on: master}'], { 'shop.healthy': ['m'] }],
    ['the run drops who fails', ['batch: [1, 100%]'], { 'shop.switch': ['h3'] }, DROP],
    ['the run drops who fails within a budget', ['max_failures: 2'], { 'shop.switch': ['h3', 'h5'] }, DROP],
    ['the run does not drop who was stopped', ['batch: [1, 2]', 'max_failures: 0'], { 'shop.switch': ['h3'] }, DROP],
  ])('%s', async (_, words, bad, run = '') => {
    const [real, simulation] = await both(steps(words, run), bad);
    expect(told(simulation.timeline.map(({ text }) => text))).toEqual(told(real));
  });
});

describe('a simulated batch', () => {
  test('stops behind the first batch when a host of it fails', async () => {
    const [, { timeline, exitCode }] = await both(steps(['batch: [1, 25%, 100%]', 'max_failures: 0'], ''), {
      'shop.switch': ['h1'],
    });
    expect(exitCode).toBe(1);
    expect(timeline[0]).toMatchObject({
      atMs: 1_000,
      text: expect.stringContaining('Not started: h2, h3, h4, h5, h6, h7, h8.'),
    });
  });

  test('rounds a share down: 30% of 8 hosts are 2 at a time, and rests between two', async () => {
    const [, { timeline }] = await both(steps(['batch: 30%', 'batch_wait: 2'], ''), {});
    expect(timeline[0]?.atMs).toBe(4 * 1_000 + 3 * 2_000);
  });
});

test('hosts that nobody can reach are held against their own limit', async () => {
  await both(steps([], ''), {});
  const simulated = async (limit: number): Promise<string[]> => {
    await writeFile(
      join(orchestra.dir, 'salt/orch/o.sls'),
      steps(['batch: 4', 'max_failures: 0', `max_unreachable: ${limit}`], ''),
    );
    const { timeline } = await simulate(
      { name: 'o', by: 'ann', faults: { ...QUIET, unreachable: ['h[23]'] } },
      { runtime: orchestra.runtime, known: () => [], log: silentLogger },
    );
    return timeline.map(({ text }) => text);
  };
  expect((await simulated(2))[0]).toMatch(/^s1 succeeded in .*, not on h2, h3$/);
  expect((await simulated(1))[0]).toContain('Stopped: 2 of 8 hosts are unreachable, at most 1 may be: h2, h3.');
});
