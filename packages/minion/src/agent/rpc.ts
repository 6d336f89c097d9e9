import type { Bus } from '@edge-run/shared/bus';
import { EdgeError, fromErrorRecord, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import { answerRecord, SUBJECTS } from '@edge-run/shared/protocol';

/** The connection as it is now; it changes when the minion is admitted anew. */
export interface Link {
  /** @throws EdgeError `EDGE_BUS_UNREACHABLE` while there is none */
  bus(): Bus;
}

/** How long an answer is waited for. */
interface AskOptions {
  /** Default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Asks the master. */
export interface MasterRpc {
  /** @throws what the master answered as an error; EdgeError `EDGE_BUS_NO_RESPONDER`, `EDGE_BUS_TIMEOUT` */
  ask(operation: string, question: JsonObject, options?: AskOptions): Promise<JsonValue>;
  /** As `ask`, where the answer is bytes. */
  askBytes(operation: string, question: JsonObject, options?: AskOptions): Promise<Uint8Array>;
}

/** Questions of the minion `id`; the server vouches for the id in the subject. */
export function createMasterRpc(id: string, link: Link): MasterRpc {
  const request = async (
    operation: string,
    question: JsonObject,
    { timeoutMs = 30_000, signal }: AskOptions = {},
  ): Promise<JsonValue | Uint8Array> => {
    const body = await link.bus().request(SUBJECTS.rpc(id, operation), question, {
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    if (body instanceof Uint8Array) return body;
    const answer = answerRecord.safeParse(body);
    if (!answer.success) throw malformed(operation);
    if (answer.data.ok) return (answer.data.answer ?? null) as JsonValue;
    throw fromErrorRecord(answer.data.error);
  };
  return {
    async ask(operation, question, options) {
      const answer = await request(operation, question, options);
      if (answer instanceof Uint8Array) throw malformed(operation);
      return answer;
    },
    async askBytes(operation, question, options) {
      const answer = await request(operation, question, options);
      if (!(answer instanceof Uint8Array)) throw malformed(operation);
      return answer;
    },
  };
}

function malformed(operation: string): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `the master's answer to ${operation} is malformed`, { operation });
}
