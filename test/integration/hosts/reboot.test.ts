import { SUBJECTS } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason, type TestHost } from '../../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../../support/hosts-fleet.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { eventually } from '../../support/processes.ts';

const reason = noHostsReason();

/** A state that is interrupted the first time, between two that are quick. */
const LONG = `
first:
  cmd.run:
    - name: echo first >>/root/first
middle:
  cmd.run:
    - name: if ! test -e /root/again; then touch /root/again /root/began; sleep 60; fi
last:
  cmd.run:
    - name: echo last >>/root/last
`;
const REBOOTING = `
restart:
  module.run:
    - system.reboot: []
waits:
  cmd.run:
    - name: touch /root/waits; sleep 60
`;

describe.skipIf(reason !== undefined)(reason === undefined ? 'reboots' : `reboots (skipped: ${reason})`, () => {
  let lab: HostFleet;
  let web1: TestHost;
  /** Ids of minions that said they had started, in order. */
  const reports: string[] = [];
  const stop = new AbortController();

  beforeAll(async () => {
    const files = new MemoryFiles({ base: { 'long.sls': LONG, 'rebooting.sls': REBOOTING } });
    // Longer than a boot takes: what the minion says after it is the outcome, not that it was gone.
    const fleet = { files, gather: { unreachableAfterMs: 60_000, muteAfterMs: 60_000, busyAfterMs: 60_000 } };
    lab = await startHostFleet(['web1', 'web2'], { fleet });
    web1 = lab.hosts.host('web1');
    void (async () => {
      for await (const { body } of lab.master.bus.subscribe(SUBJECTS.minionEvent('web1'), { signal: stop.signal }))
        if ((body as { tag: string }).tag.endsWith('/start')) reports.push('web1');
    })();
    await lab.master.bus.flush();
  }, 540_000);
  afterAll(async () => {
    stop.abort();
    await lab?.stop();
  });

  const exists = async (path: string): Promise<boolean> => (await web1.exec(['test', '-e', path])).exitCode === 0;

  it('power lost in the middle of a state run: the job has failed, with the reason, once the minion is back', async () => {
    const running = lab.job('web1', 'state.apply', ['long'], {}, 'power-1');
    await eventually(() => exists('/root/began'), 'the state run is in its middle');
    await web1.reboot();
    const { outcome, evidence } = await running;
    expect(outcome).toBe('failed');
    expect(evidence).toMatch(/the minion web1 was stopped while state.apply ran; how far it came is not known/);
    await eventually(() => reports.length === 1, 'the minion reports');
    expect({ first: await exists('/root/first'), last: await exists('/root/last') }).toEqual({
      first: true,
      last: false,
    });
  });
  it('the state run again after the reboot: everything is done, and the old job is not run once more', async () => {
    expect(await lab.job('web1', 'state.apply', ['long'])).toMatchObject({ outcome: 'succeeded' });
    expect(await lab.job('web1', 'state.apply', ['long'], {}, 'power-1')).toMatchObject({ outcome: 'failed' });
    expect(await lab.shell('web1', 'cat /root/first /root/last')).toBe('first\nfirst\nlast');
  });
  it('system.reboot: the job succeeds, the host boots, and the minion reports', async () => {
    const [boots, told] = [web1.boots, reports.length];
    expect(await lab.call('web1', 'system.reboot')).toBe('');
    await eventually(() => web1.boots === boots + 1, 'web1 is turned on again');
    await eventually(() => reports.length === told + 1, 'the minion reports');
    expect(await lab.call('web1', 'test.ping')).toBe(true);
    expect(lab.hosts.host('web2').boots).toBe(1);
  });
  it('system.reboot in a state run: what runs when it goes down is interrupted, and the job says so', async () => {
    const [boots, told] = [web1.boots, reports.length];
    const { outcome, evidence } = await lab.job('web1', 'state.apply', ['rebooting']);
    // Whether the minion still says that it stops, or is gone before it can, is up to how fast the host goes down.
    expect(['failed', 'cancelled']).toContain(outcome);
    expect(evidence).toMatch(/was stopped while state.apply ran|the minion web1 is stopping/);
    await eventually(() => web1.boots === boots + 1, 'web1 is turned on again');
    await eventually(() => reports.length === told + 1, 'the minion reports');
    expect(await exists('/root/waits')).toBe(true);
  });
  it('system.reboot, system.shutdown: what shutdown refuses is a failure, and the host stays on', async () => {
    const boots = web1.boots;
    for (const fun of ['system.reboot', 'system.shutdown'])
      expect(await lab.job('web1', fun, [5])).toMatchObject({
        outcome: 'failed',
        evidence: expect.stringContaining('not understood'),
      });
    await lab.shell('web1', 'mv /usr/sbin/shutdown /root/');
    expect(await lab.job('web1', 'system.reboot')).toMatchObject({
      outcome: 'failed',
      evidence: expect.stringContaining('web1 has no program shutdown'),
    });
    await lab.shell('web1', 'mv /root/shutdown /usr/sbin/');
    expect(web1.boots).toBe(boots);
  });
});
