/*
 * The job service of a master in a process of its own, to be killed: it publishes one batch and drives it. The
 * environment says where the server and the fleet's keys are, and what the job is.
 */
import { createJobs, openJobStreams } from '@edge-run/master/jobs';
import { createKeyring } from '@edge-run/master/keys';
import { connectNatsBus, credentialsFromCreds } from '@edge-run/shared/bus';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';

const { TEST_SERVER = '', TEST_KEYS = '', TEST_JID = '', TEST_TARGETS = '', TEST_SLEEP_MS = '0' } = process.env;
const { TEST_BATCH = '2', TEST_GATE_MS, TEST_MAX_FAILURES } = process.env;
const keyring = await createKeyring({ dir: TEST_KEYS, pushAccount: async () => {}, onAnswer: () => {} });
const bus = await connectNatsBus({
  servers: [TEST_SERVER],
  credentials: credentialsFromCreds(keyring.masterCreds('dying')),
  name: 'dying',
  inboxPrefix: '_INBOX.dying',
});
const jobs = createJobs({
  ...{ bus, ...(await openJobStreams(bus, systemClock)), signer: keyring.jobSigner },
  ...{ clock: systemClock, log: silentLogger },
  resolveTargets: async (target) => ({ ids: target.split(',') }),
});
await jobs.start({
  ...{ target: TEST_TARGETS, targetType: 'list', fun: 'test.sleep', args: [Number(TEST_SLEEP_MS)], jid: TEST_JID },
  batch: TEST_BATCH,
  ...(TEST_MAX_FAILURES === undefined ? {} : { maxFailures: TEST_MAX_FAILURES }),
  ...(TEST_GATE_MS === undefined
    ? {}
    : {
        gates: [
          {
            ...{ fun: 'test.sleep', args: [Number(TEST_GATE_MS)], kwargs: new Map() },
            ...{ on: 'targets', timeoutMs: 20_000 },
          },
        ],
      }),
});
process.stdout.write('published\n');
