import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '@edge-run/master/orchestration';
import { EdgeError } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { afterEach, describe, expect, it } from 'vitest';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

let orchestra: LocalOrchestra;

afterEach(() => orchestra.dispose());

const FOREVER = new AbortController().signal;

/** A master with three hosts and one orchestration. */
async function start(sls: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  orchestra = await LocalOrchestra.start({
    files: { 'salt/orch/o.sls': sls, ...more },
    master: 'master1',
    grains: {},
    minions: { web1: {}, web2: {}, web3: {} },
  });
}

function begin(options: Readonly<Record<string, unknown>> = {}, by = 'ann'): Promise<string> {
  return orchestra.runs.start({ name: 'o', by, options: fromPlain(options as never) as PyMap });
}

async function ended(run: string): Promise<RunRecord> {
  return orchestra.runs.wait(run, FOREVER);
}

/** The lines that steps have appended to the log, in order. */
async function log(): Promise<readonly string[]> {
  const text = await readFile(join(orchestra.dir, 'log'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

/** Resolves once the run's journal has an entry of this type. */
async function reached<T extends RunJournalEvent['type']>(
  run: string,
  type: T,
): Promise<Extract<RunJournalEvent, { type: T }>> {
  const stop = new AbortController();
  for await (const entry of orchestra.journal.tail(stop.signal)) {
    const found = entry.run === run ? entry.events.find((event) => event.type === type) : undefined;
    if (found === undefined) continue;
    stop.abort();
    return found as Extract<RunJournalEvent, { type: T }>;
  }
  throw new EdgeError('EDGE_INTERNAL', 'the journal ended');
}

/** States that fail on one host until a file is there. */
const HOST = `
{{ grains.id }}:
  cmd.run:
    - name: "{{ 'test -e @TMP@/fixed && ' if grains.id == 'web2' }}echo {{ grains.id }} >> @TMP@/log"
`;

const TOUCHY = `
touchy:
  salt.state:
    - tgt: 'web*'
    - sls:
      - host
`;

/** A step that appends a line to the log. */
const line = (id: string, more = ''): string => `
${id}:
  cmd.run:
    - name: echo ${id} >> @TMP@/log
${more}`;

const FAILING = `
broken:
  cmd.run:
    - name: echo broken >> @TMP@/log; exit 3
`;

const UNDO = (id: string): string => `    - undo:
      - cmd.run:
        - name: echo undo ${id} >> @TMP@/log
`;

describe('what a step registers', () => {
  it('is there for later steps, with its type, and makes them require it', async () => {
    await start(`
version:
  salt.function:
    - name: test.echo
    - tgt: web1
    - arg: ['4.18.0']
    - register: version
say:
  cmd.run:
    - name: echo "{{ steps.version.only }}/{{ steps.version.result['web1'] | replace('.', '-') }}" >> @TMP@/log
    - onlyif: test "{{ steps.version.ok }}" = True
give:
  salt.function:
    - name: test.kwarg
    - tgt: web2
    - kwarg: {data: "{{ steps.version.hosts }}"}
    - register: given
`);
    const record = await ended(await begin());
    expect(record.end).toMatchObject({ outcome: 'succeeded' });
    expect(await log()).toEqual(['4.18.0/4-18-0']);
    expect(JSON.stringify([...record.answers.values()].at(-1))).toContain('"web1":"4.18.0"');
  });

  it('is an error with its line where no step registers it, and where a template wants to decide by it', async () => {
    await start(`${line('first', '    - register: build')}
use:
  test.nop:
    - name: {{ steps.biuld.result }}
`);
    await expect(begin()).rejects.toMatchObject({
      diagnostics: [{ code: 'EDGE_UNKNOWN_REGISTER', detail: 'did you mean `build`?', source: { file: 'orch/o.sls' } }],
    });
    await orchestra.dispose();
    await start('{% if steps.build.ok %}\na: test.nop\n{% endif %}');
    await expect(begin()).rejects.toThrow(/known only when the run gets there/);
  });
});

describe('rollback', () => {
  it('undoes what was done in reverse order, as a run of its own, and exits with 5', async () => {
    await start(
      `__run__: {on_failure: rollback}
${line('one', UNDO('one'))}${line('two', '    - undo: none')}${line('three', UNDO('three'))}${FAILING}${line('never')}`,
    );
    const run = await begin();
    const record = await ended(run);
    expect(record.end).toMatchObject({ outcome: 'rolled-back', exitCode: 5, error: { code: 'EDGE_STEP_FAILED' } });
    expect(await log()).toEqual(['one', 'two', 'three', 'broken', 'undo three', 'undo one']);
    const undone = await ended(`${run}-rollback`);
    expect(undone).toMatchObject({ rollbackOf: run, root: run, end: { outcome: 'succeeded', exitCode: 0 } });
    expect(record.rolledBack?.steps).toHaveLength(2);
  });

  it('that fails itself ends with 9 and undoes what it can', async () => {
    await start(
      `__run__: {on_failure: rollback}
${line('one', UNDO('one'))}${line('two', '    - undo:\n      - cmd.run:\n        - name: "false"\n')}${FAILING}`,
    );
    const record = await ended(await begin());
    expect(record.end).toMatchObject({ outcome: 'failed', exitCode: 9, error: { code: 'EDGE_ROLLBACK_FAILED' } });
    expect(await log()).toEqual(['one', 'two', 'broken', 'undo one']);
  });

  it('can be asked for after the end; the run can then be tried again from nothing', async () => {
    await start(`${line('one', UNDO('one'))}${line('two', UNDO('two'))}`);
    const run = await begin();
    await ended(run);
    const rollback = await orchestra.runs.rollback(run, 'ann');
    expect((await ended(rollback)).end).toMatchObject({ outcome: 'succeeded' });
    expect(await log()).toEqual(['one', 'two', 'undo two', 'undo one']);
  });

  it('undoes nested orchestrations in their turn', async () => {
    const inner = `${line('inner', UNDO('inner'))}`;
    await start(
      `__run__: {on_failure: rollback}
${line('one', UNDO('one'))}
nested:
  salt.runner:
    - name: state.orchestrate
    - mods: orch.inner
${line('two', UNDO('two'))}${FAILING}`,
      { 'salt/orch/inner.sls': inner },
    );
    expect((await ended(await begin())).end).toMatchObject({ outcome: 'rolled-back', exitCode: 5 });
    expect(await log()).toEqual(['one', 'inner', 'two', 'broken', 'undo two', 'undo inner', 'undo one']);
  });

  it('is not to be had where nothing says how', async () => {
    await start(line('one'));
    const run = await begin();
    await ended(run);
    await expect(orchestra.runs.rollback(run, 'ann')).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
  });

  it('with a mistake in its undo is an error before anything runs', async () => {
    await start(line('one', '    - undo:\n      - cmd.run:\n        - nmae: x\n'));
    await expect(begin()).rejects.toMatchObject({
      diagnostics: [
        expect.objectContaining({ code: 'EDGE_UNKNOWN_ARGUMENT', source: expect.objectContaining({ line: 3 }) }),
      ],
    });
  });
});

describe('a failed step', () => {
  it('leaves everything as it is where the run is to hold', async () => {
    await start(`__run__: {on_failure: hold}\n${line('one')}${FAILING}${line('two')}`);
    expect((await ended(await begin())).end).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect(await log()).toEqual(['one', 'broken']);
  });

  it('lets others go on where nothing is said, and may say so itself', async () => {
    await start(`__run__: {on_failure: hold}\n${FAILING}    - on_failure: continue\n${line('two')}`);
    expect((await ended(await begin())).end).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect(await log()).toEqual(['broken', 'two']);
  });

  it('asks, and is tried again only on the hosts where it failed', async () => {
    await start(`${TOUCHY}${line('after', '    - require: [{salt: touchy}]')}`, { 'salt/host.sls': HOST });
    const run = await begin({ on_failure: 'ask' });
    const { answer } = await reached(run, 'run-asked');
    expect(Object.entries(answer.hosts ?? {}).filter(([, { outcome }]) => outcome === 'succeeded')).toHaveLength(2);
    await writeFile(join(orchestra.dir, 'fixed'), '');
    await orchestra.commands.answer(run, 'bob', 'retry');
    const record = await ended(run);
    expect(record.end).toMatchObject({ outcome: 'succeeded' });
    expect((await log()).toSorted()).toEqual(['after', 'web1', 'web2', 'web3']);
    const hosts = record.answers.get([...record.done.keys()][0]!)?.hosts;
    expect(Object.values(hosts ?? {}).map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it('can be passed over', async () => {
    await start(`${FAILING}${line('after', '    - require: [{cmd: broken}]')}`);
    const run = await begin({ on_failure: 'ask' });
    await reached(run, 'run-asked');
    await expect(orchestra.commands.answer(run, 'bob', 'retry', 'after')).rejects.toMatchObject({
      code: 'EDGE_RUN_NOT_WAITING',
    });
    await orchestra.commands.answer(run, 'bob', 'skip');
    const record = await ended(run);
    expect(record.end).toMatchObject({ outcome: 'succeeded' });
    expect(await log()).toEqual(['broken', 'after']);
    expect([...record.answers.values()][0]).toMatchObject({
      result: true,
      comment: expect.stringMatching(/bob decided/),
    });
  });

  it('can be tried again, and then undo everything', async () => {
    await start(`${line('one', UNDO('one'))}${FAILING}`);
    const run = await begin({ on_failure: 'ask' });
    await reached(run, 'run-asked');
    await orchestra.commands.answer(run, 'bob', 'retry');
    await reachedTimes(run, 'run-asked', 2);
    await orchestra.commands.answer(run, 'bob', 'rollback');
    expect((await ended(run)).end).toMatchObject({ outcome: 'rolled-back', exitCode: 5 });
    expect(await log()).toEqual(['one', 'broken', 'broken', 'undo one']);
  });
});

async function reachedTimes(run: string, type: RunJournalEvent['type'], times: number): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  for await (const entry of orchestra.journal.tail(stop.signal)) {
    seen += entry.run === run ? entry.events.filter((event) => event.type === type).length : 0;
    if (seen >= times) return stop.abort();
  }
}

describe('people', () => {
  it('pause and resume a run', async () => {
    await start(`${line('one')}
wait:
  salt.wait_for_event:
    - name: go
    - id_list: [x]
    - timeout: 1000000
${line('two')}`);
    const run = await begin();
    await reachedStep(run, 'one');
    await orchestra.commands.pause(run, 'bob', 'lunch');
    await go(reachedStep(run, 'wait'));
    expect((await orchestra.runs.find(run))?.paused).toBe(true);
    expect(await log()).toEqual(['one']);
    await orchestra.commands.resume(run, 'bob');
    expect((await ended(run)).end).toMatchObject({ outcome: 'succeeded' });
    expect(await log()).toEqual(['one', 'two']);
  });

  it('hear, as a paused run goes on, which hosts have come meanwhile', async () => {
    await start(`${line('one')}
pinged:
  salt.function:
    - name: test.ping
    - tgt: 'web*'
`);
    orchestra.know(['web1']);
    const run = await orchestra.runs.start({ name: 'o', by: 'ann' });
    await orchestra.commands.pause(run, 'bob');
    await reachedStep(run, 'one');
    orchestra.know(['web1', 'web2']);
    await orchestra.commands.resume(run, 'bob');
    await ended(run);
    const told = (await orchestra.runs.events(run)).filter(
      ({ type }) => type === 'run-moved' || type === 'run-resumed',
    );
    expect(told).toMatchObject([
      { type: 'run-moved', fleet: [{ target: 'web*', came: ['web2'], gone: [] }] },
      { type: 'run-resumed', by: 'bob' },
    ]);
  });

  it('approve a plan: enough of them, not who asked, and not a plan that is another', async () => {
    await start(`__run__: {approvals: {count: 2}}\n${line('one')}`);
    const run = await begin();
    await expect(orchestra.commands.approve(run, 'ann', {})).rejects.toMatchObject({ code: 'EDGE_NOT_ALLOWED' });
    await orchestra.commands.approve(run, 'bob', {});
    await orchestra.commands.approve(run, 'bob', {});
    expect(await log()).toEqual([]);
    await orchestra.commands.approve(run, 'eve', { comment: 'ok' });
    expect((await ended(run)).end).toMatchObject({ outcome: 'succeeded' });
  });

  it('let a run lapse, or refuse it, before anything ran', async () => {
    await start(`__run__: {approvals: {count: 1, expires: 5m}}\n${line('one')}`);
    const lapsed = await begin();
    expect((await ended(lapsed)).end).toMatchObject({
      outcome: 'cancelled',
      exitCode: 2,
      error: { code: 'EDGE_APPROVAL_EXPIRED', message: '0 of 1 approvals came within 5 min' },
    });
    const refused = await begin({ approvals: { count: 1, expires: '300d' } });
    await orchestra.commands.reject(refused, 'bob', { comment: 'not today' });
    expect((await ended(refused)).end).toMatchObject({ exitCode: 2, error: { message: 'rejected by bob: not today' } });
    expect(await log()).toEqual([]);
  });

  it('approve one step', async () => {
    await start(`${line('one')}
canary looks good:
  approve.step: []
${line('two')}`);
    const run = await begin();
    await orchestra.commands.approve(run, 'bob', { step: 'canary looks good' });
    const record = await ended(run);
    expect(record.end).toMatchObject({ outcome: 'succeeded' });
    expect([...record.answers.values()][1]?.comment).toBe('Approved by bob.');
  });

  it('end a run and undo it', async () => {
    await start(`${line('one', UNDO('one'))}
wait:
  salt.wait_for_event: [{name: never}, {id_list: [x]}, {timeout: 10000000000}]
`);
    const run = await begin();
    await reachedStep(run, 'one');
    await orchestra.commands.abort(run, 'bob', { rollback: true });
    expect((await ended(run)).end).toMatchObject({ outcome: 'rolled-back', exitCode: 5 });
    expect(await log()).toEqual(['one', 'undo one']);
    await expect(orchestra.commands.pause(run, 'bob')).rejects.toMatchObject({ code: 'EDGE_RUN_ENDED' });
  });
});

/** Sends the event that steps wait for until `done`: whoever listens has not subscribed when the step has started. */
async function go(done: Promise<unknown>): Promise<void> {
  let isDone = false;
  void done.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await orchestra.events.send({ tag: 'go', data: { id: 'x' } });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function reachedStep(run: string, id: string): Promise<void> {
  const stop = new AbortController();
  for await (const entry of orchestra.journal.tail(stop.signal)) {
    if (
      entry.run === run &&
      entry.events.some((event) => event.type === 'step-ended' && event.step.includes(`_|-${id}_|-`))
    )
      return stop.abort();
  }
}

describe('locks', () => {
  it('let one run after the other, in order of asking; who waits knows for whom', async () => {
    await start(`__run__: {lock: env/prod}
wait:
  salt.wait_for_event: [{name: go}, {id_list: [x]}, {timeout: 1000000}]
${line('one')}`);
    const first = await begin({}, 'ann');
    const second = await begin({}, 'bob');
    const third = await begin({}, 'eve');
    const free = await begin({ lock: [] }, 'dan');
    expect(await reached(third, 'run-queued')).toMatchObject({
      position: 2,
      holders: [{ lock: 'env/prod', run: first, by: 'ann' }],
    });
    for (const run of [first, second, third]) {
      await reached(run, 'run-locked');
      await go(ended(run));
    }
    await ended(free);
    expect(await log()).toHaveLength(4);
  });
});

describe('limits', () => {
  it('a step that takes too long is given up', async () => {
    await start(`
slow:
  salt.wait_for_event: [{name: never}, {id_list: [x]}, {timeout: 100000}, {deadline: 5m}]
`);
    const record = await ended(await begin());
    expect(record.end).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect([...record.answers.values()][0]?.comment).toMatch(/did not end within 5 min/);
  });

  it('a run that takes too long ends as timed out', async () => {
    await start(`__run__: {deadline: 2m}
slow:
  salt.wait_for_event: [{name: never}, {id_list: [x]}, {timeout: 100000}]
${line('never')}`);
    expect((await ended(await begin())).end).toMatchObject({ outcome: 'timed-out', exitCode: 124 });
    expect(await log()).toEqual([]);
  });

  it('a run that loses too many hosts stops before the next step, or goes on without them', async () => {
    const second = TOUCHY.replace('touchy', 'again').replace('- host', '- sure');
    const sure = 'sure:\n  cmd.run: [{name: echo {{ grains.id }} sure >> @TMP@/log}]\n';
    await start(`${TOUCHY}${second}`, { 'salt/host.sls': HOST, 'salt/sure.sls': sure });
    const stopped = await ended(await begin({ max_failures: 0 }));
    expect(stopped.end).toMatchObject({
      outcome: 'failed',
      error: { code: 'EDGE_TOO_MANY_FAILED', message: '1 of 3 hosts failed, at most 0 may: web2' },
    });
    expect((await log()).toSorted()).toEqual(['web1', 'web3']);
    const dropped = await ended(await begin({ max_failures: '50%', on_target_failure: 'drop' }));
    expect(dropped.end).toMatchObject({ outcome: 'succeeded' });
    expect([...dropped.dropped]).toEqual(['web2']);
    expect((await log()).slice(-2).toSorted()).toEqual(['web1 sure', 'web3 sure']);
  });
});

describe('retry', () => {
  it('does what was not done, with the plan as it was stored', async () => {
    await start(`${line('one')}
fails once:
  cmd.run:
    - name: echo try >> @TMP@/log; test -e @TMP@/fixed || { touch @TMP@/fixed; exit 1; }
    - failhard: True
${line('two')}`);
    const run = await begin();
    expect((await ended(run)).end).toMatchObject({ outcome: 'failed' });
    const again = await orchestra.runs.retry(run, 'bob', {});
    expect(await ended(again)).toMatchObject({ retryOf: run, end: { outcome: 'succeeded' } });
    expect(await log()).toEqual(['one', 'try', 'try', 'two']);
    const third = await orchestra.runs.retry(again, 'bob', { from: 'fails once', skip: ['two'] });
    await ended(third);
    expect(await log()).toEqual(['one', 'try', 'try', 'two', 'try']);
    await expect(orchestra.runs.retry(again, 'bob', { from: 'tow' })).rejects.toMatchObject({
      hint: 'did you mean `two`?',
    });
  });

  it('says which hosts have come and gone since the plan was made, and does what is left on those there now', async () => {
    await start(
      `
first:
  salt.function:
    - name: test.ping
    - tgt: 'web*'
fails once:
  cmd.run:
    - name: test -e @TMP@/fixed || { touch @TMP@/fixed; exit 1; }
    - failhard: True
second:
  salt.function:
    - name: test.ping
    - tgt: 'web*'
third:
  salt.function:
    - name: test.ping
    - tgt: web2
`,
    );
    orchestra.know(['web1', 'web2']);
    const run = await begin();
    const first = await ended(run);
    orchestra.know(['web2', 'web3']);
    const again = await orchestra.runs.retry(run, 'bob', {});
    const record = await ended(again);
    const moved = (await orchestra.runs.events(again)).filter(({ type }) => type === 'run-moved');
    const keys = first.stored.plan.chunks.map(({ key }) => key);
    expect(moved).toMatchObject([
      { moved: [], fleet: [{ target: 'web*', steps: [keys[0], keys[2]], came: ['web3'], gone: ['web1'] }] },
    ]);
    expect(Object.keys(record.answers.get(keys[2]!)?.hosts ?? {})).toEqual(['web2', 'web3']);
    const third = await orchestra.runs.retry(again, 'bob', { current: true, from: 'second' });
    await ended(third);
    expect((await orchestra.runs.events(third)).filter(({ type }) => type === 'run-moved')).toMatchObject([
      { moved: [], fleet: [{ target: 'web*', came: [], gone: ['web1'] }] },
    ]);
  });
});
