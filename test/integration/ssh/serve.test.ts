import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJobs, openJobStreams } from '@edge-run/master/jobs';
import { createSshFleet, JobHost, type SshFleet, type SshHost, serveSshHost, sshTarget } from '@edge-run/master/ssh';
import { createKeyPair } from '@edge-run/shared/bus';
import { EdgeError, errorMessage, silentLogger, systemClock, toErrorRecord } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startNats } from '../../support/nats.ts';
import { type SlowLine, startSlowLine } from '../../support/slow-line.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';

interface JobEnd {
  readonly outcome: string;
  readonly ret?: unknown;
  readonly retcode?: number;
  readonly error?: unknown;
}

test('a host that cannot be reached is unreachable, with the reason, and holds nobody up', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'edge-serve-'));
  const nats = await startNats();
  const bus = await nats.connect('master');
  const signer = createKeyPair('user');
  const { returns, records, batches } = await openJobStreams(bus, systemClock);
  const jobs = createJobs({
    ...{ bus, returns, records, batches, signer, clock: systemClock, log: silentLogger },
    resolveTargets: async (target) => ({ ids: target.split(',') }),
  });
  const signers = new Set([signer.publicKey]);
  const ends = ['gone', 'here'].map((id) =>
    serveSshHost({
      ...{ bus, dir, id, signers: () => signers, fence: async () => {}, concurrency: 2, version: '0' },
      ...{ clock: systemClock, log: silentLogger, onlyLooks: () => false },
      executorOf: async () => {
        if (id === 'gone') throw new EdgeError('EDGE_SSH_REFUSED', 'gone refused the connection');
        return testExecutor();
      },
    }),
  );
  try {
    await bus.flush();
    const request = { target: 'gone,here', targetType: 'list', fun: 'test.ping' };
    const { targets } = await jobs.run(request, new AbortController().signal);
    expect(targets.get('here')).toMatchObject({ outcome: 'succeeded', ret: true });
    expect(targets.get('gone')).toMatchObject({
      outcome: 'unreachable',
      evidence: 'gone refused the connection',
      error: { code: 'EDGE_SSH_REFUSED' },
    });
  } finally {
    await Promise.all(ends.map((end) => end()));
    await jobs.close();
    await nats.stop();
    await rm(dir, { recursive: true, force: true });
  }
});

describe.skipIf(!hasSshd())(
  hasSshd() ? 'a kept connection that is lost for good' : 'lost connections (no sshd: apt-get install openssh-server)',
  () => {
    let sshd: RunningSshd;
    beforeAll(async () => {
      sshd = await startSshd();
    });
    afterAll(() => sshd?.stop());

    const fleetOver = (line: SlowLine, clock = systemClock): SshFleet => {
      const { host, port } = line;
      const { user, keyFile, directory } = sshd;
      const target = sshTarget({ id: 'web1', host, port, user, keyFiles: [keyFile], connectTimeoutMs: 1_000 });
      const hostKeys = { files: [join(directory, `known-${port}`)], mode: 'accept-new' } as const;
      return createSshFleet({ roster: [target], hostKeys, clock, keepAlive: { intervalMs: 200, missed: 2 } });
    };
    /** A job on a host that is connected, as it ends. */
    const endOf = async (
      work: (host: JobHost, line: SlowLine, kept: SshHost) => Promise<JobEnd | undefined>,
    ): Promise<object> => {
      const line = await startSlowLine(sshd.port);
      const fleet = fleetOver(line);
      try {
        const host = await fleet.host('web1');
        await host.probe(['true']);
        const seen = new JobHost(host);
        return await work(seen, line, host).then(
          (end) => seen.judge(end ?? { outcome: 'succeeded' }),
          (error: unknown) => seen.judge({ outcome: 'failed', error: toErrorRecord(error) }),
        );
      } finally {
        await fleet.close();
        await line.close().catch(() => undefined); // closed in the middle of the job
      }
    };

    /** Nobody listens there any more, and the end of the connection has been noticed. */
    const lose = async (kept: SshHost, line: SlowLine): Promise<void> => {
      await line.close();
      await expect(kept.answering()).rejects.toMatchObject({ code: 'EDGE_SSH_REFUSED' });
    };

    it('before anything of the job was sent: unreachable, with the reason', async () => {
      const end = await endOf(async (host, line, kept) => {
        await lose(kept, line);
        await host.exec(['true']);
      });
      expect(end).toMatchObject({
        outcome: 'unreachable',
        ret: expect.stringContaining('refused'),
        error: { code: 'EDGE_SSH_REFUSED', hint: expect.stringContaining('sshd') },
      });
    });
    it('between two commands: how far the job came is unknown', async () => {
      const end = await endOf(async (host, line, kept) => {
        await host.exec(['true']);
        await lose(kept, line);
        await host.exec(['echo', 'second']);
      });
      expect(end).toMatchObject({
        outcome: 'failed',
        error: {
          code: 'EDGE_SSH_CONNECTION_LOST',
          message: expect.stringMatching(/before `echo second`.*refused/),
          details: { why: 'EDGE_SSH_REFUSED' },
        },
      });
    });
    it('between two commands that are reported each for itself, as states are: the job says so, too', async () => {
      const end = await endOf(async (host, line, kept) => {
        await host.probe(['true']);
        await lose(kept, line);
        const comment = await host.exec(['true']).catch(errorMessage);
        return { outcome: 'failed', ret: { comment }, retcode: 2 };
      });
      const ret = { comment: expect.stringContaining('was lost after a part of the job had run') };
      expect(end).toMatchObject({ outcome: 'failed', ret, retcode: 2, error: { code: 'EDGE_SSH_CONNECTION_LOST' } });
    });
    it('and whoever ran the command made up for it: a success stays one', async () => {
      const end = await endOf(async (host, line, kept) => {
        await lose(kept, line);
        await host.exec(['true']).catch(() => undefined);
      });
      expect(end).toMatchObject({ outcome: 'succeeded' });
    });
    it('while a command runs: unknown, and not asked again', async () => {
      const end = await endOf(async (host, line) => {
        const running = host.exec(['sh', '-c', 'sleep 30']);
        await host.probe(['true']);
        await line.close();
        await running;
      });
      expect(end).toMatchObject({ outcome: 'failed', error: { code: 'EDGE_SSH_CONNECTION_LOST' } });
    });
    it('gone silent, and nobody has noticed: the host is asked before a job, not the job given to nobody', async () => {
      const line = await startSlowLine(sshd.port);
      let laterMs = 0;
      const fleet = fleetOver(line, { ...systemClock, now: () => systemClock.now() + laterMs });
      try {
        const host = await fleet.host('web1');
        await host.answering();
        await host.answering();
        expect(line.connections()).toBe(1);
        line.freeze();
        laterMs = 1_000;
        await expect(host.answering()).rejects.toMatchObject({ code: 'EDGE_SSH_TIMED_OUT' });
      } finally {
        await fleet.close();
        await line.close();
      }
    });
    it('broken off by a server that is there: connected anew, and the job runs', async () => {
      const end = await endOf(async (host, line, kept) => {
        await host.exec(['true']);
        line.cut();
        await kept.answering();
        expect((await host.exec(['echo', 'again'])).stdout).toBe('again\n');
      });
      expect(end).toMatchObject({ outcome: 'succeeded' });
    });
  },
);
