import type { Bus } from '@edge-run/shared/bus';
import { EdgeError, fromErrorRecord, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import { answerRecord, SUBJECTS } from '@edge-run/shared/protocol';

/** The connection as it is now; it changes when the minion is admitted anew. */
export interface Link {
  /** @throws EdgeError `EDGE_BUS_UNREACHABLE` while there is none */
  bus(): Bus;
}

/** Asks the master. */
export interface MasterRpc {
  /** @throws what the master answered as an error; EdgeError `EDGE_BUS_NO_RESPONDER`, `EDGE_BUS_TIMEOUT` */
  ask(
    operation: string,
    question: JsonObject,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<JsonValue>;
}

/** Questions of the minion `id`; the server vouches for the id in the subject. */
export function createMasterRpc(id: string, link: Link): MasterRpc {
  return {
    async ask(operation, question, { timeoutMs = 30_000, signal } = {}) {
      const body = await link.bus().request(SUBJECTS.rpc(id, operation), question, {
        timeoutMs,
        ...(signal === undefined ? {} : { signal }),
      });
      const answer = answerRecord.safeParse(body);
      if (!answer.success) {
        throw new EdgeError('EDGE_INTERNAL', `the master's answer to ${operation} is malformed`, { operation });
      }
      if (answer.data.ok) return (answer.data.answer ?? null) as JsonValue;
      throw fromErrorRecord(answer.data.error);
    },
  };
}
