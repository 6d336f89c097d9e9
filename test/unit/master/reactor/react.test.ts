import { react } from '@edge-run/master/reactor';
import { type Compiled, EdgeError, notCompiled, silentLogger } from '@edge-run/shared/kernel';
import type { EdgeEvent } from '@edge-run/shared/protocol';
import { loadSls, type RenderedData } from '@edge-run/shared/render';
import { PyMap } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';
import { RecordedJobs, RecordedRunners } from '../../../support/reaction-ports.ts';

const event: EdgeEvent = { id: 'E1', tag: 'app/x', data: { n: 1 }, at: 0, source: 'master:m1' };

function ports(parts: {
  readonly files?: Readonly<Record<string, string>>;
  readonly runners?: RecordedRunners;
  readonly jobs?: RecordedJobs;
}) {
  const sent: { tag: string; data: unknown; causedBy?: string; depth?: number }[] = [];
  const variables: unknown[] = [];
  return {
    sent,
    variables,
    events: {
      send: async (news: (typeof sent)[number] & Partial<EdgeEvent>) => {
        sent.push(news);
        return { ...event, ...news } as EdgeEvent;
      },
    },
    render: async (sls: string, given: unknown): Promise<Compiled<RenderedData>> => {
      variables.push(given);
      const text = parts.files?.[sls];
      if (text !== undefined) return loadSls(text, { path: sls });
      const diagnostic = { severity: 'error', code: 'EDGE_SLS_NOT_FOUND', summary: `no ${sls}`, detail: '' } as const;
      return notCompiled([diagnostic]);
    },
    runners: parts.runners ?? new RecordedRunners(['state.orchestrate']),
    wheels: new RecordedRunners(['key.accept']),
    jobs: parts.jobs ?? new RecordedJobs(),
    clock: new ManualClock(),
    log: silentLogger,
  };
}
const never = new AbortController().signal;
const summaries = (data: unknown): readonly string[] =>
  (data as { diagnostics: { summary: string }[] }).diagnostics.map(({ summary }) => summary);

describe('react', () => {
  it('hands calls over in order, telling who asks and because of what', async () => {
    const all = ports({
      files: {
        'a.sls': 'b: {runner.state.orchestrate: [{mods: m}]}\na: {local.test.ping: [{tgt: "web*"}, {timeout: 9}]}',
      },
    });
    await react(event, ['a.sls', 'a.sls'], all, never);
    expect(all.jobs.requests).toMatchObject([
      { target: 'web*', fun: 'test.ping', by: 'reactor:a.sls', causedBy: 'E1', jid: expect.stringMatching(/-r1-/) },
    ]);
    expect(all.runners.calls).toMatchObject([
      { name: 'state.orchestrate', by: 'reactor:a.sls', causedBy: 'E1', key: expect.stringMatching(/-r1-/) },
    ]);
    expect(all.sent).toEqual([]);
  });
  it('calls wheels, which are no runners, and says so of those that nobody has', async () => {
    const all = ports({
      files: {
        'a.sls':
          'a: {wheel.key.accept: [{match: web1}]}\nb: {runner.key.accept: [{match: web1}]}\nc: {wheel.key.acept: []}',
      },
    });
    await react(event, ['a.sls'], all, never);
    expect(all.wheels.calls).toMatchObject([{ name: 'key.accept', by: 'reactor:a.sls', causedBy: 'E1' }]);
    expect(all.wheels.calls[0]!.kwargs.get('match')).toBe('web1');
    expect(all.runners.calls).toEqual([]);
    expect(summaries(all.sent[0]!.data)).toEqual([
      expect.stringContaining('there is no runner `key.accept`'),
      expect.stringContaining('there is no wheel `key.acept`'),
    ]);
  });

  it('gives templates the tag and the data with Salt’s _stamp', async () => {
    const all = ports({ files: { 'a.sls': '{}' } });
    await react(event, ['a.sls'], all, never);
    expect(all.variables).toEqual([
      {
        tag: 'app/x',
        data: new PyMap([
          ['n', 1],
          ['_stamp', '1970-01-01T00:00:00.000000'],
        ]),
      },
    ]);
  });

  it('waits until a run is journaled, not until it ends', async () => {
    let journaled = (): void => {};
    const runners = new RecordedRunners(['state.orchestrate'], ({ key, report }) => {
      journaled = () => report('started', `run ${key}`);
      return new Promise(() => {});
    });
    const all = ports({ runners, files: { 'a.sls': 'a: {runner.state.orchestrate: [{mods: m}]}' } });
    let isDone = false;
    const done = react(event, ['a.sls'], all, never).then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    journaled();
    await done;
  });

  it('tells of everything that failed in one event; what is good runs', async () => {
    const all = ports({
      files: {
        'a.sls':
          'a: {runner.no.such: []}\nb: {local.test.ping: [{tgt: x}]}\nc: {local.test.ping: [{tgt: "bad["}]}\nd: {caller.test.ping: []}',
      },
    });
    await react(event, ['gone.sls', 'a.sls'], all, never);
    expect(all.jobs.requests.map(({ target }) => target)).toEqual(['x', 'bad[']);
    expect(all.sent).toMatchObject([{ tag: 'reactor/failed', causedBy: 'E1', depth: 1 }]);
    expect(summaries(all.sent[0]!.data)).toEqual([
      'no gone.sls',
      expect.stringContaining('this master runs no functions on its own host'),
      expect.stringContaining("local.test.ping of 'c' in a.sls: bad target"),
      expect.stringContaining('no runner `no.such`'),
    ]);
  });

  it('tells of a run that failed after it was handed over, and of a job that nobody gets', async () => {
    const runners = new RecordedRunners(['state.orchestrate'], async ({ key, report }) => {
      report('started', `run ${key}`);
      return false;
    });
    const files = { 'a.sls': 'a: {runner.state.orchestrate: []}\nb: {local.test.ping: [{tgt: nobody}]}' };
    const all = ports({ runners, jobs: new RecordedJobs([]), files });
    await react(event, ['a.sls'], all, never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(all.sent.flatMap(({ data }) => summaries(data)).sort()).toEqual([
      "local.test.ping of 'b' in a.sls: `nobody` matches no host",
      "runner.state.orchestrate of 'a' in a.sls: state.orchestrate failed",
    ]);
  });

  it('ends a chain of reactions, also one of failures', async () => {
    const all = ports({ files: { 'a.sls': 'a: {local.test.ping: [{tgt: x}]}' } });
    await react({ ...event, depth: 9 }, ['a.sls'], all, never);
    expect(all.jobs.requests).toHaveLength(1);
    await react({ ...event, depth: 10 }, ['a.sls'], all, never);
    expect(all.jobs.requests).toHaveLength(1);
    expect(all.sent).toMatchObject([{ tag: 'reactor/failed', depth: 11 }]);
    await react({ ...event, tag: 'reactor/failed', depth: 11 }, ['a.sls'], all, never);
    expect(all.sent).toHaveLength(1);
  });

  it('throws when it is aborted before everything was handed over', async () => {
    const stop = new AbortController();
    const runners = new RecordedRunners(['state.orchestrate'], () => new Promise(() => {}));
    const all = ports({ runners, files: { 'a.sls': 'a: {runner.state.orchestrate: []}' } });
    const reaction = react(event, ['a.sls'], all, stop.signal);
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new EdgeError('EDGE_CANCELLED', 'stopping'));
    await expect(reaction).rejects.toMatchObject({ code: 'EDGE_CANCELLED' });
    expect(all.sent).toEqual([]);
  });
});
