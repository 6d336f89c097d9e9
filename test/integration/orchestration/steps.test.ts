import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import { encodeValue } from '@edge-run/shared/values';
import { afterEach, describe, expect, it } from 'vitest';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

const FILES = {
  'salt/changing.sls': 'c:\n  test.succeed_with_changes: []\n',
  'salt/failing-o2.sls': [
    "{% set fun = 'fail_without_changes' if grains.id == 'o2' else 'nop' %}",
    'f:',
    '  test.{{ fun }}: []',
    '',
  ].join('\n'),
};

let orchestra: LocalOrchestra | undefined;

afterEach(async () => {
  await orchestra?.dispose();
  orchestra = undefined;
});

/** Runs the steps with events on their way; answers each step by id. */
async function run(
  sls: string,
  events: readonly (readonly [tag: string, data: JsonValue, seconds: number])[] = [],
): Promise<Record<string, JsonObject>> {
  orchestra = await LocalOrchestra.start({
    files: { ...FILES, 'salt/it.sls': sls },
    master: 'm',
    grains: {},
    minions: { o1: {}, o2: {} },
  });
  for (const [tag, data, seconds] of events) void fire(orchestra, tag, data, seconds);
  const answer = encodeValue(await orchestra.call('state.orchestrate', ['it'], new Map())) as JsonObject;
  const states = (answer.data as JsonObject).m as JsonObject;
  return Object.fromEntries(Object.values(states).map((step) => [(step as JsonObject).__id__, step as JsonObject]));
}

async function fire({ clock, events }: LocalOrchestra, tag: string, data: JsonValue, seconds: number): Promise<void> {
  await clock.sleep(seconds * 1_000);
  await events.send({ tag, data });
}

describe('orchestration steps', () => {
  const wait = 'w:\n  salt.wait_for_event:\n    - name: host/*/up\n    - id_list: [a, b]\n    - timeout: 60\n';

  it('salt.wait_for_event: sees ids in the event and below its data, under tags that match', async () => {
    const { w } = await run(wait, [
      ['host/1/down', { id: 'b' }, 1],
      ['host/1/up', { id: 'a' }, 2],
      ['host/2/up', { data: { id: 'b' } }, 3],
    ]);
    expect(w).toMatchObject({ result: true, changes: { minions_seen: ['a', 'b'] } });
  });
  it('salt.wait_for_event: names who is missing when the time is over', async () => {
    const { w } = await run(wait, [['host/1/up', { id: 'a' }, 2]]);
    expect(w).toMatchObject({ result: false, changes: { minions_seen: ['a'] } });
    expect(w?.comment).toContain('for b within 60 s');
  });
  it('salt.function: `timeout` gives nobody up, `deadline` does', async () => {
    const sleep = '  salt.function:\n    - name: cmd.run\n    - tgt: o1\n    - arg: [sleep 0.4]\n';
    const { kept, ended } = await run(`kept:\n${sleep}    - timeout: 0.1\nended:\n${sleep}    - deadline: 0.1\n`);
    expect(kept).toMatchObject({ result: true });
    expect(ended).toMatchObject({ result: false });
  });
  it('salt.function: `fail_function` judges returns on the master, and `fail_minions` excuses them', async () => {
    const step = "  salt.function:\n    - name: test.echo\n    - tgt: 'o*'\n    - arg: [false-ish]\n";
    const { judged, excused, broken } = await run(
      [
        `judged:\n${step}    - fail_function: test.echo\n`,
        `excused:\n  salt.function:\n    - name: test.none\n    - tgt: o1\n    - fail_function: test.echo\n    - fail_minions: o1\n`,
        `broken:\n${step}    - fail_function: test.nobody\n`,
      ].join(''),
    );
    expect(judged).toMatchObject({ result: true });
    expect(excused).toMatchObject({ result: true });
    expect(broken).toMatchObject({ result: false });
  });
  it('salt.state: shows hosts that failed, and excuses as many as allowed', async () => {
    const step = "  salt.state:\n    - tgt: 'o*'\n    - sls: failing-o2\n";
    const { strict, lenient } = await run(`strict:\n${step}lenient:\n${step}    - allow_fail: 1\n`);
    expect(strict).toMatchObject({ result: false, comment: expect.stringMatching(/^Run failed on minions: o2 /) });
    expect(strict?.changes).toEqual({ out: 'highstate', ret: { o2: expect.anything() } });
    expect(lenient).toMatchObject({ result: true });
  });
  it('salt.state: `test: True` on a step changes nothing, and its result says that it would', async () => {
    const { s } = await run('s:\n  salt.state:\n    - tgt: o1\n    - sls: changing\n    - test: True\n');
    expect(s?.result).toBe(null);
  });
  it('salt.parallel_runners: answers each runner by its id and names the one that failed', async () => {
    const { p } = await run(
      [
        'p:',
        '  salt.parallel_runners:',
        '    - runners:',
        '        first: [{name: test.arg}, {arg: [1]}, {kwarg: {k: 2}}]',
        '        test.false: ~',
        '',
      ].join('\n'),
    );
    expect(p).toMatchObject({
      result: false,
      changes: { ret: { first: { args: [1], kwargs: { k: 2 } }, 'test.false': false } },
      comment: 'Runner function test.false failed.',
    });
  });
  it('salt.runner: one that throws has failed with what it said', async () => {
    const { r } = await run('r:\n  salt.runner:\n    - name: test.exception\n    - message: boom\n');
    expect(r).toMatchObject({ result: false, changes: { return: 'boom' } });
  });
});
