import type { JobReturn } from '@edge-run/shared/protocol';
import { EXIT } from '@edge-run/shared/protocol/plain';
import {
  exitCodeOfJob,
  foldJob,
  isJobOver,
  type JobEvent,
  jobEventOf,
  readStateReturns,
  startJob,
} from '@edge-run/shared/view';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const IDS = ['web1', 'web2', 'db1'];
const job = startJob({ jid: 'j1', fun: 'test.ping', target: '*', targets: IDS, startedAt: 10 });

const answer = (id: string, outcome: JobReturn['outcome'], ret: boolean): JobEvent => ({
  type: 'return',
  jid: 'j1',
  answer: { id, outcome, ret, retcode: ret ? 0 : 1, durationMs: 2 },
});

const event: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.tuple(fc.constantFrom(...IDS), fc.boolean()).map(([id, ok]) => answer(id, ok ? 'succeeded' : 'failed', ok)),
  fc.constant<JobEvent>({
    type: 'end',
    jid: 'j1',
    at: 50,
    targets: { web1: 'succeeded', web2: 'no-return', db1: 'unreachable' },
  }),
);

describe('foldJob', () => {
  it('changes nothing when an event comes again, and keeps every target exactly once', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 8 }), fc.nat(), (events, pick) => {
        const view = events.reduce(foldJob, job);
        expect(foldJob(view, events[pick % events.length]!)).toBe(view);
        expect(Object.keys(view.hosts)).toEqual(IDS);
      }),
    );
  });

  it('keeps the outcome the end gave when a return comes late', () => {
    const ended = foldJob(job, {
      type: 'end',
      jid: 'j1',
      at: 50,
      targets: { web1: 'timed-out', web2: 'succeeded', db1: 'succeeded' },
    });
    const view = foldJob(ended, answer('web1', 'succeeded', true));
    expect(view.hosts.web1).toMatchObject({ outcome: 'timed-out', ret: true });
  });
});

describe('a gated job', () => {
  const gated = startJob({ ...job, targets: ['web1'], gated: true });
  const answered = foldJob(gated, answer('web1', 'succeeded', true));

  it('is over when its gate has spoken, not when its targets have', () => {
    expect(isJobOver(answered)).toBe(false);
    expect(isJobOver(foldJob(answered, { type: 'end', jid: 'j1', at: 9, targets: { web1: 'succeeded' } }))).toBe(true);
  });

  it('has failed when its gate did', () => {
    const end = { type: 'end', jid: 'j1', at: 9, targets: { web1: 'succeeded' } } as const;
    expect(exitCodeOfJob(foldJob(answered, end))).toBe(0);
    expect(exitCodeOfJob(foldJob(answered, { ...end, stopped: 'the gate behind batch 1 failed' }))).toBe(1);
  });
});

describe('exitCodeOfJob', () => {
  const ended = (targets: Record<string, JobReturn['outcome']>): number =>
    exitCodeOfJob(
      foldJob(startJob({ ...job, targets: Object.keys(targets) }), { type: 'end', jid: 'j1', at: 9, targets }),
    );

  it.each([
    [{ a: 'succeeded', b: 'succeeded' }, EXIT.done],
    [{ a: 'succeeded', b: 'unreachable' }, EXIT.unreachable],
    [{ a: 'no-return', b: 'failed' }, EXIT.failed],
    [{ a: 'timed-out', b: 'succeeded' }, EXIT.timedOut],
    [{ a: 'timed-out', b: 'failed' }, EXIT.failed],
    [{ a: 'cancelled', b: 'succeeded' }, EXIT.interrupted],
    [{}, EXIT.notStarted],
  ] as const)('%j is %i', (targets, code) => {
    expect(ended(targets)).toBe(code);
  });

  it('says timed out while targets have not answered', () => {
    expect(exitCodeOfJob(job)).toBe(EXIT.timedOut);
  });
});

describe('jobEventOf', () => {
  it('reads returns and ends, and leaves other tags alone', () => {
    const at = { id: 'e', at: 7, source: 'master:m' };
    expect(jobEventOf({ ...at, tag: 'salt/job/j1/end', data: { targets: { a: 'failed' } } })).toEqual({
      type: 'end',
      jid: 'j1',
      at: 7,
      targets: { a: 'failed' },
    });
    expect(jobEventOf({ ...at, tag: 'salt/job/j1/new', data: {} })).toBeUndefined();
    expect(jobEventOf({ ...at, tag: 'release/requested', data: {} })).toBeUndefined();
  });
});

describe('isJobOver', () => {
  it('needs no end event once every target has ended', () => {
    const tag = (id: string): string => `salt/job/j1/ret/${id}`;
    const data = { jid: 'j1', fun: 'test.ping', outcome: 'succeeded', retcode: 0, return: true };
    const views = IDS.map((id) => jobEventOf({ id, at: 7, source: 'master:m', tag: tag(id), data: { ...data, id } })!);
    expect(isJobOver(views.slice(1).reduce(foldJob, job))).toBe(false);
    const over = views.reduce(foldJob, job);
    expect(isJobOver(over)).toBe(true);
    expect(over.hosts.db1).toEqual({ outcome: 'succeeded', ret: true, retcode: 0 });
  });
});

describe('readStateReturns', () => {
  it('orders states by their number and counts them', () => {
    const view = readStateReturns({
      'service_|-nginx_|-nginx_|-running': {
        result: false,
        changes: {},
        comment: 'no',
        __run_num__: 1,
        __id__: 'nginx',
      },
      'file_|-conf_|-/etc/nginx.conf_|-managed': {
        result: true,
        changes: { diff: '+x' },
        comment: 'written',
        __run_num__: 0,
      },
      'pkg_|-nginx_|-nginx_|-installed': { result: null, changes: {}, comment: 'would', __run_num__: 2 },
    });
    expect(view?.states.map((line) => line.fun)).toEqual(['file.managed', 'service.running', 'pkg.installed']);
    expect(view).toMatchObject({ total: 3, changed: 1, unchanged: 0, wouldChange: 1, failed: 1 });
  });

  it('leaves other returns alone', () => {
    expect(readStateReturns(['Rendering SLS web failed'])).toBeUndefined();
    expect(readStateReturns({ web: 1 })).toBeUndefined();
    expect(readStateReturns({})).toBeUndefined();
  });
});
