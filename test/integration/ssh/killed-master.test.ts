import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KillableMasters } from '../../support/killable-masters.ts';
import { eventually } from '../../support/processes.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';

/*
 * A master is killed while a host of its roster works for it. Each execution of a command appends a line to a file of
 * its own: what ran twice, or not at all, shows there.
 */

/** A line to `trial.name`, then nothing until `trial.go` is there. */
const WAITING = `echo {{ pillar.trial }} >> @DIR@/{{ pillar.trial }}.during; while ! [ -e @DIR@/{{ pillar.trial }}.go ]; do sleep 0.1; done`;

const orchestration = (during: string): string => `
__run__: {lock: env/{{ pillar.trial }}}
before:
  salt.function:
    - name: cmd.run
    - tgt: web1
    - arg: ['echo {{ pillar.trial }} >> @DIR@/{{ pillar.trial }}.before']
during:
${during}
    - tgt: web1
    - require: [salt: before]
after:
  salt.function:
    - name: cmd.run
    - tgt: web1
    - arg: ['echo {{ pillar.trial }} >> @DIR@/{{ pillar.trial }}.after']
    - require: [salt: during]
`;

const FILES = {
  'orch/command.sls': orchestration(`  salt.function:\n    - name: cmd.run\n    - arg: ['${WAITING}']`),
  'orch/states.sls': orchestration('  salt.state:\n    - sls: work\n    - pillar: {trial: {{ pillar.trial }}}'),
  'work.sls': `work:\n  cmd.run:\n    - name: '${WAITING}'\n`,
};

const INTERRUPTED = 'the master that works on web1 was stopped while cmd.run ran; how far it came is not known';

interface Job {
  readonly endedAt?: number;
  readonly returns: readonly { readonly id: string; readonly outcome: string; readonly error?: object }[];
}

describe
  .skipIf(!hasSshd())
  .sequential(
    hasSshd()
      ? 'a master is killed while a roster host works'
      : 'killed masters (no sshd: apt-get install openssh-server)',
    () => {
      let sshd: RunningSshd;
      let fleet: KillableMasters;

      beforeAll(async () => {
        sshd = await startSshd();
        const { host, port, user, keyFile, knownHostsFile, directory } = sshd;
        const roster = join(directory, 'roster.yaml');
        await writeFile(roster, JSON.stringify({ web1: { host, port, user, priv: keyFile } }));
        const config = { roster, ssh: { known_hosts: knownHostsFile } };
        fleet = await KillableMasters.start({ masters: ['one'], hosts: [], files: FILES, config, isDirect: true });
      });
      afterAll(async () => {
        await fleet?.stop();
        await sshd?.stop();
      });

      const linesOf = async (trial: string, name: string): Promise<number> =>
        (await readFile(join(fleet.directory, `${trial}.${name}`), 'utf8').catch(() => '')).split('\n').length - 1;
      const begun = (trial: string): Promise<unknown> =>
        eventually(async () => (await linesOf(trial, 'during')) > 0, `${trial} runs on the host`);
      /** The master dies; the host is let go on; the master is there again. */
      const die = async (trial: string): Promise<void> => {
        await fleet.killMaster('one');
        await writeFile(join(fleet.directory, `${trial}.go`), '');
        await fleet.startMaster('one');
      };
      const publish = async (line: string): Promise<string> => {
        const target = { expr: 'web1', type: 'glob' };
        const words = { args: [line.replaceAll('@DIR@', fleet.directory)], kwargs: [] };
        const { jid } = (await fleet.ask('jobs.publish', { target, fun: 'cmd.run', ...words })) as { jid: string };
        return jid;
      };
      const jobEnd = (jid: string): Promise<Job> =>
        eventually(async () => {
          const job = (await fleet.ask('jobs.show', { jid })) as unknown as Job;
          return job.endedAt === undefined ? undefined : job;
        }, `job ${jid} ends`);
      const runEnd = async (run: string): Promise<readonly RunJournalEvent[]> =>
        eventually(async () => {
          const events = await fleet.journal(run);
          return events.at(-1)?.type === 'run-ended' ? events : undefined;
        }, `run ${run} ends`);
      const start = async (name: string, trial: string): Promise<string> =>
        ((await fleet.ask('orch.run', { name, pillar: { trial } })) as { run: string }).run;
      const expectNoLock = (): Promise<unknown> =>
        eventually(
          async () => ((await fleet.ask('orch.locks', {})) as { locks: unknown[] }).locks.length === 0,
          'the lock is free',
        );

      it('in a job: it ends as interrupted, is not run again, and the host takes the next one', async () => {
        const trial = 'job';
        const jid = await publish(WAITING.replaceAll('{{ pillar.trial }}', trial));
        await begun(trial);
        await die(trial);
        const { returns } = await jobEnd(jid);
        expect(returns).toMatchObject([
          {
            id: 'web1',
            outcome: 'failed',
            error: { code: 'EDGE_JOB_INTERRUPTED', message: INTERRUPTED },
          },
        ]);
        const next = await jobEnd(await publish('true'));
        expect(next.returns).toMatchObject([{ id: 'web1', outcome: 'succeeded' }]);
        expect(await linesOf(trial, 'during')).toBe(1);
      });

      it('in a job that only looks: it is run again, and ends well', async () => {
        const target = { expr: 'web1', type: 'glob' };
        const words = { fun: 'test.sleep', args: [3], kwargs: [] };
        const { jid } = (await fleet.ask('jobs.publish', { target, ...words })) as { jid: string };
        await die('look');
        expect((await jobEnd(jid)).returns).toMatchObject([{ id: 'web1', outcome: 'succeeded' }]);
      });

      it('in a step that runs a command: the run fails and says why, nothing is run twice, the lock is free', async () => {
        const trial = 'command';
        const run = await start('command', trial);
        await begun(trial);
        await die(trial);
        const events = await runEnd(run);
        expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'failed' });
        const during = events.find((event) => event.type === 'step-ended' && event.step.includes('during'));
        expect(during).toMatchObject({ answer: { hosts: { web1: { outcome: 'failed', evidence: INTERRUPTED } } } });
        expect([await linesOf(trial, 'before'), await linesOf(trial, 'during'), await linesOf(trial, 'after')]).toEqual(
          [1, 1, 0],
        );
        await expectNoLock();
      });

      it('in a step that applies states, which may be repeated: they are applied again, and the run goes on', async () => {
        const trial = 'states';
        const run = await start('states', trial);
        await begun(trial);
        await die(trial);
        const events = await runEnd(run);
        expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'succeeded' });
        expect([await linesOf(trial, 'before'), await linesOf(trial, 'during'), await linesOf(trial, 'after')]).toEqual(
          [1, 2, 1],
        );
        await expectNoLock();
      });

      it('of two masters with one roster: one works on a host, whoever is asked, and the other when that one is gone', async () => {
        const { host, port, user, keyFile, knownHostsFile, directory } = sshd;
        const roster = join(directory, 'both.yaml');
        await writeFile(roster, JSON.stringify({ web1: { host, port, user, priv: keyFile } }));
        const own = fleet;
        const config = { roster, ssh: { known_hosts: knownHostsFile } };
        fleet = await KillableMasters.start({
          ...{ masters: ['first', 'second'], hosts: [], files: FILES, config, isDirect: true },
        });
        try {
          const ping = await Promise.all(Array.from({ length: 12 }, () => publish('echo x >> @DIR@/both')));
          for (const jid of ping)
            expect((await jobEnd(jid)).returns).toMatchObject([{ id: 'web1', outcome: 'succeeded' }]);
          expect((await readFile(join(fleet.directory, 'both'), 'utf8')).length).toBe(24);

          const trial = 'inherited';
          // The one that is alone works on the host and drives the run; the other comes later.
          await fleet.killMaster('second');
          await eventually(async () => {
            // A question that went to the dying one is lost.
            const jid = await publish('true').catch(() => undefined);
            return jid !== undefined && (await jobEnd(jid)).returns[0]?.outcome === 'succeeded';
          }, 'the first master works on the host');
          const run = await start('command', trial);
          await begun(trial);
          await fleet.startMaster('second');
          await fleet.killMaster('first');
          await writeFile(join(fleet.directory, `${trial}.go`), '');
          const events = await runEnd(run);
          expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'failed' });
          const during = events.find((event) => event.type === 'step-ended' && event.step.includes('during'));
          const evidence = 'another master worked on web1 when cmd.run was asked for; whether it ran is not known';
          expect(during).toMatchObject({ answer: { hosts: { web1: { outcome: 'failed', evidence } } } });
          expect([
            await linesOf(trial, 'before'),
            await linesOf(trial, 'during'),
            await linesOf(trial, 'after'),
          ]).toEqual([1, 1, 0]);
          await expectNoLock();

          await writeFile(join(fleet.directory, 'again.go'), '');
          const again = await runEnd(await start('states', 'again'));
          expect(again.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'succeeded' });
        } finally {
          await fleet.stop();
          fleet = own;
        }
      });

      it('and another master takes over, which has no roster: nothing is run twice, and nothing is taken for done', async () => {
        const { host, port, user, keyFile, knownHostsFile, directory } = sshd;
        const roster = join(directory, 'first.yaml');
        await writeFile(roster, JSON.stringify({ web1: { host, port, user, priv: keyFile } }));
        const own = fleet;
        const config = (id: string): object => (id === 'first' ? { roster, ssh: { known_hosts: knownHostsFile } } : {});
        const shared = { masters: ['first', 'second'], hosts: [], files: FILES, config, isDirect: true };
        fleet = await KillableMasters.start(shared);
        try {
          const trial = 'taken';
          // Whichever master is asked drives the run: only one of them knows the host.
          await fleet.killMaster('second');
          const run = await start('command', trial);
          await begun(trial);
          await fleet.startMaster('second');
          await fleet.killMaster('first');
          await writeFile(join(fleet.directory, `${trial}.go`), '');
          const events = await runEnd(run);
          expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'failed' });
          const during = events.find((event) => event.type === 'step-ended' && event.step.includes('during'));
          expect(during).toMatchObject({ answer: { result: false, hosts: { web1: { outcome: 'unreachable' } } } });
          expect([
            await linesOf(trial, 'before'),
            await linesOf(trial, 'during'),
            await linesOf(trial, 'after'),
          ]).toEqual([1, 1, 0]);
          await expectNoLock();
        } finally {
          await fleet.stop();
          fleet = own;
        }
      });
    },
  );
