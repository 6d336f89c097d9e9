import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '@edge-run/shared/kernel';
import { encodeValue } from '@edge-run/shared/values';
import { afterEach, describe, expect, it } from 'vitest';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

const IDS = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'h7', 'h8'];

let orchestra: LocalOrchestra | undefined;

afterEach(async () => {
  await orchestra?.dispose();
  orchestra = undefined;
});

async function begin(sls: string, roster: readonly string[] = []): Promise<LocalOrchestra> {
  orchestra = await LocalOrchestra.start({
    files: {
      'salt/it.sls': sls,
      'salt/fails-h2.sls': "f:\n  test.{{ 'fail_without_changes' if grains.id == 'h2' else 'nop' }}: []\n",
      'ran/.keep': '',
    },
    ...{ master: 'm', grains: {}, roster, returners: new Map([['logs', 'elasticsearch']]) },
    minions: Object.fromEntries(IDS.map((id): [string, JsonObject] => [id, {}])),
  });
  return orchestra;
}

/** Runs the steps; answers each by id. */
async function run(sls: string, roster: readonly string[] = []): Promise<Record<string, JsonObject>> {
  const answer = encodeValue(await (await begin(sls, roster)).call('state.orchestrate', ['it'], new Map()));
  const states = ((answer as JsonObject).data as JsonObject).m as JsonObject;
  return Object.fromEntries(Object.values(states).map((step) => [(step as JsonObject).__id__, step as JsonObject]));
}

/** What the steps are refused for. */
async function refusal(sls: string): Promise<string> {
  const started = await begin(sls);
  return started.call('state.orchestrate', ['it'], new Map()).then(
    () => 'not refused',
    (error: unknown) => String(error),
  );
}

/** A step on all hosts that leaves a file for each host it ran on, and fails on some. */
function touch(words: string, failing: readonly string[] = []): string {
  const tests = failing.map((id) => ` && test {{ grains.id }} != ${id}`).join('');
  return [
    's:\n  salt.function:\n    - name: cmd.run',
    "    - tgt: '*'\n    - kwarg: {template: jinja}",
    `    - arg: ["{% raw %}touch @TMP@/ran/{{ grains.id }}${tests}{% endraw %}"]`,
    ...words.split('\n').map((word) => `    - ${word}`),
    '',
  ].join('\n');
}

/** The hosts that a `test.ping` came to. */
const pinged = (step: JsonObject | undefined): string[] =>
  Object.keys((step?.changes as JsonObject)?.ret as JsonObject);

/** The hosts that ran it. */
const ran = async (): Promise<string[]> =>
  (await readdir(join(orchestra!.dir, 'ran'))).filter((name) => !name.startsWith('.')).sort();

describe('batches of a step', () => {
  it('go on to the last host', async () => {
    const { s } = await run(touch('batch: [1, 25%, 100%]\nbatch_wait: 30'));
    expect(s).toMatchObject({ result: true, comment: expect.stringContaining('Function ran successfully.') });
    expect(await ran()).toEqual(IDS);
  });
  it('stop behind the one in which more hosts failed than may', async () => {
    const { s } = await run(touch('batch: [1, 3, 100%]\nmax_failures: 1', ['h2', 'h3']));
    expect(await ran()).toEqual(['h1', 'h2', 'h3', 'h4']);
    expect(s?.result).toBe(false);
    expect(s?.comment).toContain('failed on minions: h2, h3 Function cmd.run ran on h1, h2, h3, h4.');
    expect(s?.comment).toContain('Stopped: 2 of 8 hosts failed, at most 1 may: h2, h3. Not started: h5, h6, h7, h8.');
  });
  it('within its budget, the step has succeeded and names who failed', async () => {
    const { s } = await run(touch('batch: 2\nmax_failures: 25%', ['h2', 'h7']));
    expect(await ran()).toEqual(IDS);
    expect(s?.result).toBe(true);
    expect(s?.comment).toContain('Failed, as at most 2 may: h2, h7.');
  });
  it.each(['on_target_failure: stop', 'failhard: True'])('%s: the first host that fails is the last', async (words) => {
    const { s } = await run(touch(`batch: 1\n${words}`, ['h2']));
    expect(await ran()).toEqual(['h1', 'h2']);
    expect(s).toMatchObject({ result: false, comment: expect.stringContaining('Stopped: h2 ended failed.') });
  });
  it('a host that may fail spends nothing', async () => {
    const { s } = await run(touch('batch: 1\non_target_failure: stop\nfail_minions: [h2]', ['h2']));
    expect(await ran()).toEqual(IDS);
    expect(s?.comment).not.toContain('Stopped');
  });
  it('of salt.state keep to the same limits', async () => {
    const state = "s:\n  salt.state:\n    - tgt: '*'\n    - sls: fails-h2\n    - batch: [2, 100%]\n";
    const { s } = await run(`${state}    - max_failures: 0\n`);
    expect(s).toMatchObject({
      result: false,
      comment: expect.stringContaining('Not started: h3, h4, h5, h6, h7, h8.'),
    });
    await orchestra?.dispose();
    const { s: within } = await run(`${state}    - max_failures: 1\n`);
    expect(within).toMatchObject({ result: true, comment: expect.stringContaining('Failed, as at most 1 may: h2.') });
  });
});

describe('a run that goes on without hosts that fail', () => {
  const options = '__run__:\n  on_target_failure: drop\n';
  const after = "after:\n  salt.function:\n    - name: test.ping\n    - tgt: '*'\n    - require: [{salt: s}]\n";

  it('does so when a batch ran to its end', async () => {
    const { s, after: next } = await run(`${options}${touch('batch: 2', ['h2'])}${after}`);
    expect([s?.result, next?.result]).toEqual([true, true]);
    expect(s?.comment).toContain('The run goes on without h2.');
    expect(next?.changes).toEqual({ ret: Object.fromEntries(IDS.filter((id) => id !== 'h2').map((id) => [id, true])) });
  });
  it.each([
    ['its budget', 'batch: 2\nmax_failures: 25%'],
    ['what may fail', 'allow_fail: 1'],
  ])('leaves out who failed within %s', async (_, words) => {
    const { s, after: next } = await run(`${options}${touch(words, ['h2'])}${after}`);
    expect(s).toMatchObject({ result: true, comment: expect.stringContaining('The run goes on without h2.') });
    expect(pinged(next)).toEqual(IDS.filter((id) => id !== 'h2'));
  });
  it('leaves out who answered that it failed', async () => {
    const judged = 's:\n  salt.function:\n    - name: test.false\n    - tgt: h8\n    - max_failures: 1\n';
    const { after: next } = await run(`${options}${judged}${after}`);
    expect(pinged(next)).toEqual(IDS.filter((id) => id !== 'h8'));
  });
  it('keeps who was excused by name', async () => {
    const words = 'fail_minions: [h2]\nmax_failures: 1';
    const state = `s:\n  salt.state:\n    - tgt: '*'\n    - sls: fails-h2\n${words.replace(/^/gm, '    - ')}\n`;
    const { s, after: next } = await run(`${options}${state}${after}`);
    expect([s?.result, next?.result]).toEqual([true, true]);
    expect(pinged(next)).toEqual(IDS);
  });
  it('spends the budget of the run too', async () => {
    const budget = '__run__:\n  on_target_failure: drop\n  max_failures: 0\n';
    const { s, after: next } = await run(`${budget}${touch('max_failures: 25%', ['h2'])}${after}`);
    expect([s?.result, next]).toEqual([true, undefined]);
  });
  it.each(['max_failures: 0', 'gate: {fun: test.false}'])('does not when a batch was stopped: %s', async (limit) => {
    const { s, after: next } = await run(`${options}${touch(`batch: [2, 100%]\n${limit}`, ['h2'])}${after}`);
    expect([s?.result, next?.result]).toEqual([false, false]);
  });
  it('counts who was never started as nobody who failed', async () => {
    const { s, after: next } = await run(
      `__run__:\n  max_failures: 2\n${touch('batch: [2, 100%]\nmax_failures: 0', ['h2'])}${after.replace('require: [{salt: s}]', 'order: last')}`,
    );
    expect([s?.result, next?.result]).toEqual([false, true]);
  });
});

describe('the gate between batches', () => {
  const gate = (command: string, words = ''): string =>
    `gate: {fun: cmd.run, arg: ["{% raw %}${command}{% endraw %}"], kwarg: {template: jinja}${words}}`;

  it('passes on the hosts of the batch', async () => {
    const { s } = await run(touch(`batch: [1, 3, 100%]\n${gate('test -e @TMP@/ran/{{ grains.id }}')}`));
    expect(s?.result).toBe(true);
    expect(await ran()).toEqual(IDS);
  });
  it('stops before the next batch when it fails on a host, and shows its last answer', async () => {
    const sick = 'test {{ grains.id }} != h3 || { echo {{ grains.id }} is sick; exit 3; }';
    const { s } = await run(touch(`batch: [1, 2, 100%]\n${gate(sick)}`));
    expect(await ran()).toEqual(['h1', 'h2', 'h3']);
    expect(s?.result).toBe(false);
    expect(s?.comment).toContain('the gate behind batch 2 failed: cmd.run on h3: h3 is sick');
    expect(s?.comment).toContain('Not started: h4, h5, h6, h7, h8.');
    expect(s?.comment).not.toContain('failed on minions');
  });
  it('is asked once on the master, behind the last batch too', async () => {
    const count = 'echo {{ grains.id }} >> @TMP@/gates; test $(wc -l < @TMP@/gates) -lt 4';
    const { s } = await run(touch(`batch: 2\n${gate(count, ', on: master')}`));
    expect(await ran()).toEqual(IDS);
    expect(s).toMatchObject({
      result: false,
      comment: expect.stringContaining('the gate behind batch 4 failed: cmd.run on the master'),
    });
  });
  it('may be several, the first that fails stops', async () => {
    const list = "gate: [{fun: test.ping}, {fun: test.false}, {fun: test.echo, arg: ['never']}]";
    const { s } = await run(touch(`batch: [1, 100%]\n${list}`));
    expect(await ran()).toEqual(['h1']);
    expect(s?.comment).toContain('the gate behind batch 1 failed: test.false on h1: false');
  });
});

describe('what is known to be wrong is refused before anything runs', () => {
  it.each([
    ['batch: [1, many]', 'no number and no share'],
    ['batch: 0', 'no number and no share'],
    ['max_failures: some', 'no number and no share'],
    ['gate: {fun: tets.ping}', 'no function `tets.ping`'],
    ['gate: {fun: test.ping, args: [1]}', 'a gate has no `args`'],
    ['gate: {fun: test.ping, on: moon}', '`targets` or `master`'],
    ['gate: {arg: [1]}', 'needs `fun`'],
    ['gate: {fun: http.query}', 'url'],
    ['ret: mongo', 'no returner `mongo` is configured'],
    ['ret: logs\nret_config: other', 'no returner `other` is configured'],
    ['ret: [logs]\nret_kwargs: {a: 1}', '`ret_kwargs` is not supported'],
  ])('%s', async (words, problem) => {
    expect(await refusal(touch(words))).toContain(problem);
    expect(await ran()).toEqual([]);
  });
});

describe("Salt's other words on a step", () => {
  it('`ret` names a returner, or its type', async () => {
    const { s } = await run(touch('ret: elasticsearch\nret_config: logs'));
    expect(s?.result).toBe(true);
  });
  it('`ssh: True` means the hosts of the roster alone', async () => {
    const { s } = await run(touch('ssh: True\nroster: flat'), ['h4', 'h5']);
    expect(s?.result).toBe(true);
    expect(await ran()).toEqual(['h4', 'h5']);
  });
  it('`ssh: True` without a host of the roster selects nobody', async () => {
    const { s } = await run(touch('ssh: True'));
    expect(s).toMatchObject({
      result: false,
      comment: expect.stringContaining('nothing matches * (glob, hosts of the roster)'),
    });
  });
});
