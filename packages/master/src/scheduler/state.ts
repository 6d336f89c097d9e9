import type { Clock } from '@edge-run/shared/kernel';
import { idToken } from '@edge-run/shared/protocol';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { isWrittenByAnother, openBucket } from '../jetstream/index.ts';
import type { ScheduleRecord } from './plan.ts';

/** Bucket of the records, one for each schedule. */
const BUCKET = 'EDGE_SCHEDULE';

/** A record and its revision, which changes with every write. */
export interface StoredSchedule {
  readonly record: ScheduleRecord;
  readonly revision: number;
}

/** Where masters keep what they know of schedules. */
export interface ScheduleState {
  get(name: string): Promise<StoredSchedule | undefined>;
  /** Stores a record in place of the one of `revision` (undefined: none). False when another master was first. */
  put(name: string, record: ScheduleRecord, revision: number | undefined): Promise<boolean>;
}

const scheduleRecord = z.object({
  decided: z.number(),
  lastAt: z.number().optional(),
  open: z.array(z.object({ dueAt: z.number(), owner: z.string(), until: z.number(), queued: z.boolean() })),
});

/** Opens the state in a JetStream bucket, which is made where there is none. */
export async function openScheduleState(connection: NatsConnection, clock: Clock): Promise<ScheduleState> {
  const bucket = await openBucket(connection, clock, BUCKET);
  return {
    async get(name) {
      const entry = await bucket.get(idToken(name));
      if (entry === null || entry.operation !== 'PUT') return undefined;
      return { record: scheduleRecord.parse(entry.json()), revision: entry.revision };
    },
    async put(name, record, revision) {
      const text = JSON.stringify(record);
      try {
        if (revision === undefined) await bucket.create(idToken(name), text);
        else await bucket.update(idToken(name), text, revision);
        return true;
      } catch (error) {
        if (isWrittenByAnother(error)) return false;
        throw error;
      }
    },
  };
}
