import type { Bus } from '@edge-run/shared/bus';
import { EdgeError, type ErrorRecord, fromErrorRecord } from '@edge-run/shared/kernel';
import type { Answer, EdgeEvent, OperationAnswer, OperationArgs, OperationName } from '@edge-run/shared/protocol';
import { SUBJECTS } from '@edge-run/shared/protocol/plain';
import type { BusContext } from './connection.ts';

const ANSWER_WITHIN_MS = 15_000;

/** An open bus and the name the server knows us by. */
export interface Connection {
  readonly bus: Bus;
  readonly user: string;
}

/** Asks the master by its operations and hears its events. */
export interface MasterClient {
  readonly context: BusContext;
  /** @throws EdgeError what the master answered, `EDGE_MASTER_UNREACHABLE`, `EDGE_BUS_TIMEOUT` */
  ask<N extends OperationName>(
    name: N,
    args: OperationArgs<N>,
    options?: { readonly timeoutMs?: number },
  ): Promise<OperationAnswer<N>>;
  /** Events whose subject matches, each once, from now until `signal` aborts. Resolves once the server knows. */
  events(subject: string, signal: AbortSignal): Promise<AsyncIterable<EdgeEvent>>;
  close(): Promise<void>;
}

/** A client on an open connection. */
export function createClient(connection: Connection, context: BusContext): MasterClient {
  const { bus } = connection;
  return {
    context,
    async ask<N extends OperationName>(name: N, args: OperationArgs<N>, options: { timeoutMs?: number } = {}) {
      const timeoutMs = options.timeoutMs ?? ANSWER_WITHIN_MS;
      const answer = await request(connection, name, args, timeoutMs, context);
      if (!answer.ok) throw fromErrorRecord(answer.error as ErrorRecord);
      return answer.answer as OperationAnswer<N>;
    },
    async events(subject, signal) {
      const received = bus.subscribe(subject, { signal });
      await bus.flush();
      return distinctEvents(received);
    },
    close: () => bus.close(),
  };
}

async function request(
  { bus, user }: Connection,
  name: OperationName,
  args: unknown,
  timeoutMs: number,
  context: BusContext,
): Promise<Answer<unknown>> {
  try {
    return (await bus.request(SUBJECTS.operation(name, user), args, { timeoutMs })) as Answer<unknown>;
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_BUS_NO_RESPONDER') {
      throw new EdgeError(
        'EDGE_MASTER_UNREACHABLE',
        `no master answers \`${name}\` on ${context.url}`,
        { operation: name, url: context.url },
        { hint: "Start one: 'edge-run up' here, or edge-master run where it belongs.", cause: error },
      );
    }
    if (error instanceof EdgeError && error.code === 'EDGE_BUS_TIMEOUT') {
      throw new EdgeError(
        'EDGE_BUS_TIMEOUT',
        `the master did not answer \`${name}\` within ${timeoutMs / 1000} s`,
        { operation: name, timeoutMs },
        {
          hint: "It may have done it all the same: look with 'edge-run status', or wait longer with --timeout.",
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** How far back a repeated event is recognised. */
const REMEMBERED_EVENTS = 10_000;

async function* distinctEvents(received: AsyncIterable<{ readonly body: unknown }>): AsyncIterable<EdgeEvent> {
  const seen = new Set<string>();
  for await (const { body } of received) {
    const event = body as EdgeEvent;
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    if (seen.size > REMEMBERED_EVENTS) seen.delete(seen.values().next().value!);
    yield event;
  }
}
