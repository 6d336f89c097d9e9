import type { JobRecords } from '@edge-run/master/jobs';
import { JetStreamApiError } from '@nats-io/jetstream';

/** Job records kept in `texts`, which outlives the masters of a test: job id → JSON. */
export function memoryRecords(texts: Map<string, string>): JobRecords {
  return {
    create: async (jid: string, text: string) => {
      if (texts.has(jid))
        throw new JetStreamApiError({ code: 400, err_code: 10_071, description: 'wrong last sequence: 1' });
      texts.set(jid, text);
      return 1;
    },
    put: async (jid: string, text: string) => {
      texts.set(jid, text);
      return 1;
    },
    get: async (jid: string) => (texts.has(jid) ? { operation: 'PUT', string: () => texts.get(jid)! } : null),
    keys: async () => texts.keys(),
  } as unknown as JobRecords;
}
