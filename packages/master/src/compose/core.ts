import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { Clock, Logger } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { type Contents, openJetStreamContents } from '../bundles/index.ts';
import type { LoadedMasterConfig } from '../config/index.ts';
import { type Events, openEvents } from '../events/index.ts';
import { type BatchProgress, type JobRecords, openJobStreams, type ReturnStream } from '../jobs/index.ts';
import { type Journal, openJetStreamJournal, sealedJournal } from '../journal/index.ts';
import { keepLease, type LeaseBuckets, type MasterLease, openLeaseBuckets } from '../leases/index.ts';
import { openDigestKey } from '../secrets/index.ts';
import { Background } from './background.ts';
import { type Connections, openConnections } from './broker.ts';

/** What a master is started with. */
export interface MasterOptions {
  readonly config: LoadedMasterConfig;
  /** How the local fleet starts a minion. */
  readonly minionCommand: readonly [string, ...string[]];
  readonly clock: Clock;
  readonly log: Logger;
}

/** What everything else in a master stands on: the broker, and what is kept there. */
export interface Core extends MasterOptions {
  readonly connections: Connections;
  readonly events: Events;
  readonly journal: Journal<RunJournalEvent>;
  /** Contents of files that runs stand on. */
  readonly contents: Contents;
  readonly leases: LeaseBuckets;
  /** That this master is alive, and who else is. */
  readonly lease: MasterLease;
  /** Under which masters tell whether secrets have changed. */
  readonly secretKey: Uint8Array;
  readonly returns: ReturnStream;
  readonly records: JobRecords;
  readonly batches: BatchProgress;
  readonly background: Background;
  /** Aborts when the master stops. */
  readonly signal: AbortSignal;
}

/** Connects and opens the streams. */
export async function openCore(options: MasterOptions, signal: AbortSignal): Promise<Core> {
  const { config, clock, log } = options;
  await mkdir(config.data_dir, { recursive: true, mode: 0o755 });
  // Everything that listens on the bus listens for the end too.
  setMaxListeners(0, signal);
  const connections = await openConnections(config, clock, log);
  try {
    const { bus } = connections;
    const { connection } = bus;
    const events = await openEvents({ bus, connection, clock, log, source: `master:${config.id}` });
    const secretKey = await openDigestKey(connection, clock);
    const journal = sealedJournal(await openJetStreamJournal<RunJournalEvent>({ connection, clock }), secretKey);
    const contents = await openJetStreamContents(connection, clock);
    const streams = await openJobStreams(bus, clock);
    const leases = await openLeaseBuckets(connection, clock, config.lease * 1000);
    const lease = await keepLease({
      ...{ id: config.id, signer: connections.keyring.jobSigner.publicKey, leaseMs: config.lease * 1000 },
      ...{ bucket: leases.masters, tokens: leases.masterTokens, clock, log },
    });
    return {
      ...options,
      connections,
      events,
      journal,
      contents,
      leases,
      lease,
      secretKey,
      ...streams,
      background: new Background(log),
      signal,
    };
  } catch (error) {
    await connections.close();
    throw error;
  }
}
