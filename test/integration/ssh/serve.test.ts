import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJobs, openJobStreams } from '@edge-run/master/jobs';
import { serveSshHosts } from '@edge-run/master/ssh';
import { createKeyPair } from '@edge-run/shared/bus';
import { EdgeError, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { expect, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startNats } from '../../support/nats.ts';

test('a host that cannot be reached is unreachable, with the reason, and holds nobody up', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'edge-serve-'));
  const nats = await startNats();
  const stop = new AbortController();
  const bus = await nats.connect('master');
  const signer = createKeyPair('user');
  const { returns, records, batches } = await openJobStreams(bus, systemClock);
  const jobs = createJobs({
    ...{ bus, returns, records, batches, signer, clock: systemClock, log: silentLogger },
    resolveTargets: async (target) => ({ ids: target.split(',') }),
  });
  const end = serveSshHosts({
    ...{ bus, dir, ids: ['gone', 'here'], signers: [signer.publicKey], concurrency: 2, version: '0' },
    ...{ clock: systemClock, log: silentLogger, signal: stop.signal },
    executorOf: async (id) => {
      if (id === 'gone') throw new EdgeError('EDGE_SSH_REFUSED', 'gone refused the connection');
      return testExecutor();
    },
  });
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
    stop.abort();
    await end();
    await jobs.close();
    await nats.stop();
    await rm(dir, { recursive: true, force: true });
  }
});
