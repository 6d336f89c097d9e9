import { setTimeout as sleep } from 'node:timers/promises';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason } from '../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../support/hosts-fleet.ts';
import { LocalOrchestra } from '../support/local-orchestra.ts';
import { eventually } from '../support/processes.ts';

/* A run whose host is cut off for a minute: it ends as it should and says what happened, and nothing runs twice. */

const reason = noHostsReason();
const CUT_FOR_MS = 60_000;
const never = new AbortController().signal;

const WORK = `
work:
  salt.function:
    - name: cmd.run
    - tgt: 'web*'
    - arg: ['touch /root/began; sleep 3; echo {{ pillar.get("round") }} >> /root/log']
after:
  salt.function:
    - name: cmd.run
    - tgt: 'web*'
    - arg: ['echo {{ pillar.get("round") }} after >> /root/log']
    - require: [{salt: work}]
`;

describe.skipIf(reason !== undefined)(reason === undefined ? 'a cut host' : `a cut host (skipped: ${reason})`, () => {
  let lab: HostFleet;
  let orchestra: LocalOrchestra;

  beforeAll(async () => {
    lab = await startHostFleet(['web1', 'web2']);
    orchestra = await LocalOrchestra.start({
      files: { 'salt/orch/o.sls': WORK },
      ...{ master: 'm', grains: {}, minions: { web1: {}, web2: {} }, jobs: lab.master.jobs },
    });
  }, 540_000);
  afterAll(async () => {
    await orchestra?.dispose();
    await lab?.stop();
  });

  const run = (round: string, options: object): Promise<string> =>
    orchestra.runs.start({
      ...{ name: 'o', by: 'ann', pillar: fromPlain({ round }) as PyMap, options: fromPlain(options as never) as PyMap },
    });

  it('fails its step with the reason; what it ran is not lost, and a retry does the rest', async () => {
    const web1 = lab.hosts.host('web1');
    const first = await run('one', {});
    await eventually(async () => (await web1.exec(['test', '-e', '/root/began'])).exitCode === 0, 'the step runs');
    await web1.cutCable();
    const cutAt = Date.now();
    const record = await orchestra.runs.wait(first, never);
    expect(record.end).toMatchObject({ outcome: 'failed', exitCode: 1 });
    const { hosts, comment } = [...record.answers.values()][0]!;
    expect(hosts).toMatchObject({ web1: { outcome: 'unreachable' }, web2: { outcome: 'succeeded' } });
    expect(comment).toMatch(/web1: unreachable \(/);
    await sleep(Math.max(0, CUT_FOR_MS - (Date.now() - cutAt)));
    await web1.plugCable();
    await lab.answers('web1');
    // It went on while nobody heard it.
    expect(await lab.shell('web1', 'cat /root/log')).toBe('one');
    const again = await orchestra.runs.retry(first, 'ann', { onlyFailed: true });
    expect((await orchestra.runs.wait(again, never)).end).toMatchObject({ outcome: 'succeeded' });
    expect(await lab.shell('web2', 'cat /root/log')).toBe('one\none after');
  });

  it('is left out where the run is told to go on without hosts that fail', async () => {
    const web1 = lab.hosts.host('web1');
    await web1.cutCable();
    const record = await orchestra.runs.wait(await run('two', { on_target_failure: 'drop' }), never);
    await web1.plugCable();
    expect(record.end).toMatchObject({ outcome: 'succeeded' });
    expect([...record.dropped]).toEqual(['web1']);
    expect((await lab.shell('web2', 'tail -n 2 /root/log')).split('\n')).toEqual(['two', 'two after']);
  });
});
