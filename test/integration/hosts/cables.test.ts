import type { JobAnswer } from '@edge-run/shared/modules/contract';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason, type TestHost } from '../../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../../support/hosts-fleet.ts';
import { eventually } from '../../support/processes.ts';

const reason = noHostsReason();
const SILENT_FOR_MS = 6_000;
/** What was lost is sent again by TCP at growing intervals, of up to the length of the cut. */
const BACK_WITHIN_MS = 60_000;
const never = new AbortController().signal;

describe.skipIf(reason !== undefined)(reason === undefined ? 'cut cables' : `cut cables (skipped: ${reason})`, () => {
  let lab: HostFleet;
  let web1: TestHost;

  beforeAll(async () => {
    // Less than the server takes to see that nobody is there: it is one end, and not by chance.
    lab = await startHostFleet(['web1', 'web2'], {
      fleet: { gather: { muteAfterMs: SILENT_FOR_MS, busyAfterMs: SILENT_FOR_MS } },
    });
    web1 = lab.hosts.host('web1');
  }, 540_000);
  afterEach(() => web1.plugCable());
  afterAll(async () => {
    await lab?.stop();
  });

  /** A shell line on both hosts, as one job. */
  const onBoth = (jid: string, line: string): Promise<JobAnswer> =>
    lab.master.jobs.run({ target: 'web1,web2', targetType: 'list', fun: 'cmd.run', args: [line], jid }, never);
  const exists = async (path: string): Promise<boolean> => (await web1.exec(['test', '-e', path])).exitCode === 0;
  const isStored = async (jid: string): Promise<true> =>
    await eventually(
      async () => (await lab.master.jobs.stored('web1', [jid])).length === 1,
      `the return of web1 for ${jid} is stored`,
      BACK_WITHIN_MS,
    );
  const outcomes = ({ targets }: JobAnswer): object =>
    Object.fromEntries([...targets].map(([id, { outcome }]) => [id, outcome]));

  it('a short cut in the middle of a job: the return comes when the cable is back', async () => {
    const answer = onBoth('cut-1', 'touch /root/began-1; sleep 1; echo done');
    await eventually(() => exists('/root/began-1'), 'the job runs');
    await web1.cutCable();
    await lab.shell('web1', 'sleep 2');
    await web1.plugCable();
    expect(outcomes(await answer)).toEqual({ web1: 'succeeded', web2: 'succeeded' });
  });
  it('a cut that lasts: the job ends without the host; its return is stored when it is back', {
    timeout: 120_000,
  }, async () => {
    const answer = onBoth('cut-2', 'touch /root/began-2; sleep 2; echo >/root/done-2; echo done');
    await eventually(() => exists('/root/began-2'), 'the job runs');
    await web1.cutCable();
    const ended = await answer;
    expect(outcomes(ended)).toEqual({ web1: 'unreachable', web2: 'succeeded' });
    expect(ended.targets.get('web1')!.evidence).toMatch(/has not answered \d+ questions in \d/);
    expect(await exists('/root/done-2')).toBe(true);
    expect(await lab.master.jobs.stored('web1', ['cut-2'])).toEqual([]);
    await web1.plugCable();
    await isStored('cut-2');
    await lab.answers('web1');
  });
  it('a job for a host behind a cut cable: it ends without the host, which runs it once when it is back', {
    timeout: 120_000,
  }, async () => {
    await web1.cutCable();
    expect(outcomes(await onBoth('cut-3', 'echo ran >>/root/ran-3'))).toEqual({
      web1: 'unreachable',
      web2: 'succeeded',
    });
    expect(await exists('/root/ran-3')).toBe(false);
    await web1.plugCable();
    await isStored('cut-3');
    await lab.answers('web1');
    expect(await lab.shell('web1', 'cat /root/ran-3')).toBe('ran');
  });
  it('a cut that outlasts the connection: the server sees the host go, and the host comes back by itself', {
    timeout: 180_000,
  }, async () => {
    await web1.cutCable();
    const isConnected = (): boolean =>
      lab.master.presence.list().some(({ id, connected }) => id === 'web1' && connected);
    expect(isConnected()).toBe(true);
    await eventually(() => !isConnected(), 'the server gives the connection up', BACK_WITHIN_MS);
    expect(outcomes(await onBoth('cut-4', 'true'))).toEqual({ web1: 'unreachable', web2: 'succeeded' });
    await web1.plugCable();
    await eventually(isConnected, 'web1 is connected again', BACK_WITHIN_MS);
    await lab.answers('web1');
  });
});
