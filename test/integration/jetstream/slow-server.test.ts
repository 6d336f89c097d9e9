import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findServer } from '@edge-run/master/broker';
import { openJetStreamContents } from '@edge-run/master/bundles';
import { openEvents } from '@edge-run/master/events';
import { openBucket } from '@edge-run/master/jetstream';
import { openJobStreams } from '@edge-run/master/jobs';
import { openJetStreamJournal } from '@edge-run/master/journal';
import { openLeaseBuckets } from '@edge-run/master/leases';
import { connectNatsBus, type NatsBus } from '@edge-run/shared/bus';
import { type Clock, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../support/haproxy.ts';
import { startNats, type TestNats } from '../../support/nats.ts';
import { eventually } from '../../support/processes.ts';

/** Longer than one request of a client waits for its answer. */
const STALLED_MS = 6_000;

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

const opened: Readonly<Record<string, (bus: NatsBus, clock: Clock) => Promise<unknown>>> = {
  'the events': (bus, clock) =>
    openEvents({ bus, connection: bus.connection, clock, log: silentLogger, source: 'master:slow' }),
  'the journal': ({ connection }, clock) => openJetStreamJournal({ connection, clock }),
  'the bundles': ({ connection }, clock) => openJetStreamContents(connection, clock),
  'the jobs': (bus, clock) => openJobStreams(bus, clock),
  'the leases': ({ connection }, clock) => openLeaseBuckets(connection, clock, 10_000),
  'a bucket': ({ connection }, clock) => openBucket(connection, clock, 'slow'),
};

test('everything a master needs is opened by a server that stands still meanwhile', async () => {
  const bus = await nats.connect('slow');
  const pid = nats.broker.pid!;
  process.kill(pid, 'SIGSTOP');
  const all = Promise.all(Object.values(opened).map((open) => open(bus, systemClock)));
  await systemClock.sleep(STALLED_MS).finally(() => process.kill(pid, 'SIGCONT'));
  expect(await all).toHaveLength(Object.keys(opened).length);
});

test('a server without JetStream is an error that says what it needs', async () => {
  const port = await freePort();
  const server = spawn((await findServer({})).path, ['-a', '127.0.0.1', '-p', String(port)]);
  try {
    const where = { servers: [`nats://127.0.0.1:${port}`], name: 'none', inboxPrefix: '_INBOX.none' };
    const bus = await eventually(() => connectNatsBus(where).catch(() => undefined), 'the server takes connections');
    let now = 0;
    const hurried: Clock = {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    };
    for (const open of Object.values(opened)) {
      await expect(open(bus, hurried)).rejects.toMatchObject({
        code: 'EDGE_BROKER_NOT_READY',
        hint: expect.stringContaining('nats-server -js'),
      });
    }
    await bus.close();
  } finally {
    server.kill();
    await once(server, 'exit');
  }
});
