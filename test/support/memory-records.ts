import type { JobRecords } from '@edge-run/master/jobs';
import { JetStreamApiError } from '@nats-io/jetstream';

/** Job records kept in `texts`, which outlives the masters of a test: job id → JSON. */
export function memoryRecords(texts: Map<string, string>): JobRecords {
  return {
    create: async (jid, record) => {
      if (texts.has(jid))
        throw new JetStreamApiError({ code: 400, err_code: 10_071, description: 'wrong last sequence: 1' });
      texts.set(jid, JSON.stringify(record));
    },
    put: async (jid, record) => void texts.set(jid, JSON.stringify(record)),
    get: async (jid) => (texts.has(jid) ? (JSON.parse(texts.get(jid)!) as unknown) : undefined),
    keys: async () =>
      (async function* () {
        yield* texts.keys();
      })(),
  };
}
