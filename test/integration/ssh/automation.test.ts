import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KillableMasters } from '../../support/killable-masters.ts';
import { eventually } from '../../support/processes.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';

/* Schedules and reactors choose among two hosts of a roster and one minion: each host that runs the state says so. */

const FILES = {
  'mark.sls': `mark:\n  cmd.run:\n    - name: 'echo {{ grains.id }} >> @DIR@/{{ pillar.by }}'\n`,
  'reactor/mark.sls': `
mark:
  local.state.apply:
    - tgt: '{{ data.target }}'
    - tgt_type: {{ data.get('target_type', 'glob') }}
    - ssh: {{ data.get('ssh', False) }}
    - args:
      - mods: mark
      - pillar: {by: {{ data.by }}}
`,
};

/** What is written, and who is to run it. */
const TARGETS = {
  id: [{ target: 'web1' }, ['web1']],
  glob: [{ target: 'web*' }, ['web1', 'web2']],
  list: [{ target: 'web2,web1', target_type: 'list' }, ['web1', 'web2']],
  grain: [{ target: 'role:bare', target_type: 'grain' }, ['web1', 'web2']],
  ssh: [{ target: '*', ssh: true }, ['web1', 'web2']],
  everybody: [{ target: '*' }, ['box1', 'web1', 'web2']],
} as const;

const schedule = (by: string, target: object, when: object): object => ({
  ...{ function: 'state.apply', kwargs: { mods: 'mark', pillar: { by } } },
  ...target,
  ...when,
});

const NEVER = { cron: '0 0 29 2 *' };

describe
  .skipIf(!hasSshd())
  .sequential(
    hasSshd() ? 'schedules and reactors on a roster' : 'automation (no sshd: apt-get install openssh-server)',
    () => {
      let sshd: RunningSshd;
      let fleet: KillableMasters;

      beforeAll(async () => {
        sshd = await startSshd();
        const { host, port, user, keyFile, knownHostsFile, directory } = sshd;
        const roster = join(directory, 'roster.yaml');
        const entry = { host, port, user, priv: keyFile, grains: { role: 'bare' } };
        await writeFile(roster, JSON.stringify({ web1: entry, web2: entry }));
        const byHand = Object.entries(TARGETS).map(([name, [target]]) => [
          name,
          schedule(`by-hand-${name}`, target, NEVER),
        ]);
        const config = {
          roster,
          ssh: { known_hosts: knownHostsFile },
          reactor: [{ 'mark/*': ['salt://reactor/mark.sls'] }],
          schedule: {
            ...Object.fromEntries(byHand),
            'every-second': schedule('cron', TARGETS.ssh[0], { cron: '* * * * * *' }),
            'at-intervals': schedule('interval', TARGETS.id[0], { seconds: 1 }),
          },
        };
        fleet = await KillableMasters.start({
          masters: ['one'],
          hosts: ['box1'],
          files: FILES,
          config,
          isDirect: true,
        });
      });
      afterAll(async () => {
        await fleet?.stop();
        await sshd?.stop();
      });

      /** Who has run it, each named once; waits until they are as many as are expected. */
      const ranOn = (by: string, count: number): Promise<readonly string[]> =>
        eventually(async () => {
          const text = await readFile(join(fleet.directory, by), 'utf8').catch(() => '');
          const ids = [...new Set(text.split('\n').filter((line) => line !== ''))].sort();
          return ids.length >= count ? ids : undefined;
        }, `${by} has run on ${count} hosts`);

      it('a schedule that is due by cron, with `ssh: True`', async () => {
        expect(await ranOn('cron', 2)).toEqual(['web1', 'web2']);
      });
      it('a schedule that is due at intervals', async () => {
        expect(await ranOn('interval', 1)).toEqual(['web1']);
      });
      it.each(Object.entries(TARGETS))('a schedule by %s, and its job says who and by whom', async (name, [, ids]) => {
        const { jid } = (await fleet.ask('schedule.run', { name })) as { jid: string };
        expect(await ranOn(`by-hand-${name}`, ids.length)).toEqual(ids);
        const job = await eventually(async () => {
          const shown = (await fleet.ask('jobs.show', { jid })) as { endedAt?: number };
          return shown.endedAt === undefined ? undefined : shown;
        }, `the job of ${name} ends`);
        expect(job).toMatchObject({
          by: `schedule:${name}`,
          outcomes: Object.fromEntries(ids.map((id) => [id, 'succeeded'])),
        });
      });
      it.each(Object.entries(TARGETS))('a reactor by %s', async (name, [target, ids]) => {
        const by = `reactor-${name}`;
        await fleet.ask('events.send', { tag: `mark/${name}`, data: { ...target, by } });
        expect(await ranOn(by, ids.length)).toEqual(ids);
      });
      it('a reactor for hosts of the roster that selects none of them fails and says so', async () => {
        await fleet.ask('events.send', { tag: 'mark/none', data: { target: 'box1', ssh: true, by: 'none' } });
        const failed = await eventually(async () => {
          const { events } = (await fleet.ask('events.recent', { tag: 'reactor/failed' })) as { events: object[] };
          return events.length === 0 ? undefined : events;
        }, 'the failure is told');
        expect(failed).toMatchObject([
          { data: { tag: 'mark/none', diagnostics: [{ code: 'EDGE_TARGET_MATCHES_NOTHING' }] } },
        ]);
        await expect(readFile(join(fleet.directory, 'none'))).rejects.toThrow('ENOENT');
      });
    },
  );
