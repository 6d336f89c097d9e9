import { type JobRecords, jobRecord } from '@edge-run/master/jobs';
import { openEntryReader, openJetStreamJournal } from '@edge-run/master/journal';
import { type RefusedRecord, type Returner, recordSources, startPump } from '@edge-run/master/returners';
import type { NatsBus } from '@edge-run/shared/bus';
import { type Logger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';

/** Feeds a returner from every stream, with a short memory of the broker for what a dead process had in hand. */
export async function feed(options: {
  readonly name: string;
  readonly returner: Returner;
  readonly records: JobRecords;
  readonly connection: NatsBus['connection'];
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly refused?: (records: readonly RefusedRecord[]) => Promise<void>;
}): Promise<{ readonly ended: Promise<void> }> {
  const { records, connection, refused = async () => {}, ...rest } = options;
  const journal = await openJetStreamJournal<RunJournalEvent>({ connection, clock: systemClock });
  const sources = recordSources({
    findJob: async (jid) => {
      const entry = await records.get(jid);
      return entry === undefined ? undefined : jobRecord.parse(entry);
    },
    readRun: await openEntryReader<RunJournalEvent>(connection),
    firstOf: async (run) => (await journal.read(run))[0],
  });
  return startPump({ ...rest, refused, connection, sources, clock: systemClock, ackWaitMs: 1_500 });
}
