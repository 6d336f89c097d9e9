import type { Bus, Received } from '@edge-run/shared/bus';
import {
  type Clock,
  EdgeError,
  errorMessage,
  type JsonValue,
  type Logger,
  newId,
  toErrorRecord,
} from '@edge-run/shared/kernel';
import {
  type Answer,
  type EdgeEvent,
  eventSubject,
  hostEventData,
  idFromToken,
  minionEvent,
  SUBJECTS,
  senderToken,
} from '@edge-run/shared/protocol';
import type { z } from 'zod';

/** Who asks: taken from the subject, for which the server vouches, never from what was sent. */
export interface Caller {
  readonly kind: 'minion' | 'user';
  readonly id: string;
}

/** One thing that can be asked. `question` is checked before `answer` is called. */
export interface Operation<Q = unknown> {
  readonly question: z.ZodType<Q>;
  /** What is answered as JSON, or bytes, which travel as they are. */
  answer(question: Q, caller: Caller, signal: AbortSignal): Promise<unknown>;
}

/** An operation whose question has its own type, for a map of many. */
export function operation<Q>(question: z.ZodType<Q>, answer: Operation<Q>['answer']): Operation {
  return { question, answer: (body, caller, signal) => answer(body as Q, caller, signal) };
}

/** What the gateway answers, and with what. */
export interface GatewayOptions {
  readonly bus: Bus;
  /** Name → what a minion may ask (`edge.rpc.<id>.<name>`). */
  readonly rpc: Readonly<Record<string, Operation>>;
  /** Name → what a person or the API may ask (`edge.op.<user>.<name>`); names may hold dots. */
  readonly operations: Readonly<Record<string, Operation>>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Sees each event of a minion before it is published; heartbeats are only shown here. */
  readonly onMinionEvent?: (id: string, tag: string) => void;
  /** Requests handled at a time; more are refused. Default 1,000. */
  readonly maxAtATime?: number;
}

/** Tags of events that say only that somebody is there. */
const HEARTBEAT = 'edge/heartbeat';
/** Tags that are the masters' to send. */
const RESERVED_TAGS = /^(run|salt\/(job|run|key|auth)|edge)(\/|$)/;
/** Tags that name the minion they are about. */
const OWN_TAGS = /^salt\/(?:minion|beacon)\/([^/]*)/;

/** Answers minions and people, and takes the events of minions up, until `signal` aborts. */
export async function serveGateway(options: GatewayOptions): Promise<void> {
  const { bus, signal } = options;
  const desk = new Desk(options);
  const answerAll = async (messages: AsyncIterable<Received>, kind: Caller['kind']): Promise<void> => {
    for await (const message of messages) desk.take(message, kind);
  };
  await Promise.all([
    answerAll(bus.subscribe(SUBJECTS.rpcAll, { signal, queue: 'gateway' }), 'minion'),
    answerAll(bus.subscribe(SUBJECTS.operations, { signal, queue: 'gateway' }), 'user'),
    hearMinions(options),
    takeEvents(options),
  ]);
  await desk.idle();
}

class Desk {
  readonly #options: GatewayOptions;
  readonly #open = new Set<Promise<void>>();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  take(message: Received, kind: Caller['kind']): void {
    const work = this.#answer(message, kind).finally(() => this.#open.delete(work));
    this.#open.add(work);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #answer({ subject, body, respond }: Received, kind: Caller['kind']): Promise<void> {
    const { log } = this.#options;
    let answer: Answer<unknown> | Uint8Array;
    try {
      const given = (await this.#handle(subject, body, kind)) ?? null;
      answer = given instanceof Uint8Array ? given : { ok: true, answer: given };
    } catch (error) {
      answer = { ok: false, error: toErrorRecord(error) };
      if (!(error instanceof EdgeError))
        log.error(`${subject} failed: ${errorMessage(error)}`, { subject, stack: stackOf(error) });
    }
    try {
      respond?.(answer);
    } catch (error) {
      log.warn(`cannot answer ${subject}: ${errorMessage(error)}`);
      respond?.({ ok: false, error: toErrorRecord(error) });
    }
  }

  async #handle(subject: string, body: unknown, kind: Caller['kind']): Promise<unknown> {
    const { rpc, operations, signal, maxAtATime } = this.#options;
    if (this.#open.size > (maxAtATime ?? 1_000)) {
      throw new EdgeError(
        'EDGE_MASTER_BUSY',
        'the master has too many requests in hand',
        {},
        { hint: 'Try again in a moment.' },
      );
    }
    const name = subject.split('.').slice(3).join('.');
    const known = kind === 'minion' ? rpc : operations;
    if (!Object.hasOwn(known, name)) {
      throw new EdgeError('EDGE_UNKNOWN_FUNCTION', `the master has no operation '${name}'`, { operation: name });
    }
    const { question, answer } = known[name]!;
    const parsed = question.safeParse(body);
    if (!parsed.success) {
      const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'question'}: ${issue.message}`);
      throw new EdgeError('EDGE_BAD_ARGUMENT', `${name}: ${problems.join('; ')}`, { operation: name, problems });
    }
    return answer(parsed.data, { kind, id: idFromToken(senderToken(subject)!) }, signal);
  }
}

/** Every master hears who is there. */
async function hearMinions({ bus, signal, onMinionEvent }: GatewayOptions): Promise<void> {
  if (onMinionEvent === undefined) return;
  for await (const { subject, body } of bus.subscribe(SUBJECTS.minionEvents, { signal })) {
    const parsed = minionEvent.safeParse(body);
    if (parsed.success) onMinionEvent(idFromToken(senderToken(subject)!), parsed.data.tag);
  }
}

/** One master of an installation makes an event for everybody of what a minion sends. */
async function takeEvents({ bus, signal, clock, log }: GatewayOptions): Promise<void> {
  for await (const { subject, body } of bus.subscribe(SUBJECTS.minionEvents, { signal, queue: 'events' })) {
    const id = idFromToken(senderToken(subject)!);
    const parsed = minionEvent.safeParse(body);
    if (!parsed.success) {
      log.warn(`dropped a malformed event of ${id}`);
      continue;
    }
    const { tag, data } = parsed.data;
    if (tag === HEARTBEAT) continue;
    if (RESERVED_TAGS.test(tag) || (OWN_TAGS.exec(tag)?.[1] ?? id) !== id) {
      log.warn(`dropped an event of ${id}: its tag is not its own to send`, { tag });
      continue;
    }
    const about = hostEventData(id, tag, data as JsonValue);
    const event: EdgeEvent = { id: newId(), tag, data: about, at: clock.now(), source: `minion:${id}` };
    await bus
      .publish(eventSubject(tag), event)
      .catch((error: unknown) => log.warn(`event ${tag}: ${errorMessage(error)}`));
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? '') : '';
}
