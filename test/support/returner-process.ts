/*
 * A process that only feeds a webhook from the streams of a fleet: what a master does beside everything else. Told in the
 * environment where the server, its credentials and the webhook are. Prints `ready` once the broker keeps its place.
 */
import { readFileSync } from 'node:fs';
import { openJobStreams } from '@edge-run/master/jobs';
import { createWebhookReturner } from '@edge-run/master/returners';
import { connectNatsBus, credentialsFromCreds } from '@edge-run/shared/bus';
import { Secret, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { feed } from './returner-feed.ts';

const { TEST_SERVER = '', TEST_CREDS = '', TEST_WEBHOOK = '' } = process.env;
const bus = await connectNatsBus({
  servers: [TEST_SERVER],
  credentials: credentialsFromCreds(readFileSync(TEST_CREDS, 'utf8')),
  name: 'returner',
  inboxPrefix: '_INBOX.returner',
});
const { records } = await openJobStreams(bus, systemClock);
await feed({
  name: 'hook',
  returner: createWebhookReturner({ url: TEST_WEBHOOK, secret: new Secret('s'), clock: systemClock }),
  ...{ records, connection: bus.connection, log: silentLogger, signal: new AbortController().signal },
});
process.stdout.write('ready\n');
