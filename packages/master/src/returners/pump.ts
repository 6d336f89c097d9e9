import { type Clock, EdgeError, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { type Consumer, type JetStreamManager, type JsMsg, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { ensureConsumer, onceReady } from '../jetstream/index.ts';
import { isDamaged } from '../journal/index.ts';
import type { HistoryRecord, RefusedRecord, Returner } from './returner.ts';
import type { RecordSource } from './sources.ts';

/** One returner with everything it is fed from. */
export interface PumpOptions {
  readonly name: string;
  readonly returner: Returner;
  readonly sources: readonly RecordSource[];
  /** Keeps what the destination will never take. */
  readonly refused: (records: readonly RefusedRecord[]) => Promise<void>;
  readonly connection: NatsConnection;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** How long after its death what a master had in hand is given to the next. Default 30,000. */
  readonly ackWaitMs?: number;
}

const AT_A_TIME = 100;
const LOOK_MS = 1_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Feeds a returner from durable consumers, one for each source: the broker remembers how far it is. A message is
 * confirmed when its records are kept at the destination, so that whatever dies in between, they come again. What waits
 * waits in the streams, bounded by how long those are kept; jobs and runs never wait for it. Resolves when the consumers
 * stand; `ended` once `signal` has aborted and nothing is in hand.
 */
export async function startPump(options: PumpOptions): Promise<{ readonly ended: Promise<void> }> {
  const { manager, consumers } = await onceReady(options.clock, `the consumers of ${options.name}`, async () => {
    const opened = await jetstreamManager(options.connection);
    return {
      manager: opened,
      consumers: await Promise.all(options.sources.map((source) => openConsumer(opened, source, options))),
    };
  });
  const running = options.sources.map((source, index) => pump(manager, source, consumers[index]!, options));
  const ended = Promise.all(running).then(() => options.returner.close());
  return { ended };
}

function openConsumer(
  manager: JetStreamManager,
  { name: source, stream }: RecordSource,
  { name, ackWaitMs = 30_000 }: PumpOptions,
): Promise<Consumer> {
  return ensureConsumer(manager, stream, `returner-${name}-${source}`, {
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: AT_A_TIME,
  });
}

async function pump(
  manager: JetStreamManager,
  source: RecordSource,
  first: Consumer,
  options: PumpOptions,
): Promise<void> {
  const { clock, log, name, signal } = options;
  let consumer: Consumer | undefined = first;
  while (!signal.aborted) {
    try {
      consumer ??= await openConsumer(manager, source, options);
      const messages = await take(consumer);
      if (messages.length === 0) continue;
      const records: HistoryRecord[] = [];
      for (const message of messages) records.push(...(await readable(message, source, options)));
      if (!(await delivered(records, messages, options))) break;
      // Confirmed twice over: an answer of the server says that the confirmation counts.
      await Promise.all(messages.map((message) => message.ackAck()));
    } catch (error) {
      if (signal.aborted) break;
      log.warn(`returner ${name} cannot read ${source.name} now: ${errorMessage(error)}`);
      consumer = undefined;
      await clock.sleep(LOOK_MS, signal).catch(() => undefined); // it only ends the pause
    }
  }
}

/** The records of a message; none, said, where it is of a run that cannot be read: what comes behind it shall not wait. */
async function readable(
  message: JsMsg,
  source: RecordSource,
  { name, log }: PumpOptions,
): Promise<readonly HistoryRecord[]> {
  try {
    return await source.read(message);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    log.error(`returner ${name} leaves out an entry of ${source.name}: ${error.message}`, { returner: name });
    return [];
  }
}

/** What is there, at most `AT_A_TIME`; none when nothing came for a second. */
async function take(consumer: Consumer): Promise<readonly JsMsg[]> {
  const first = await consumer.next({ expires: LOOK_MS });
  if (first === null) return [];
  const more = Math.min(AT_A_TIME - 1, first.info.pending);
  const messages = [first];
  if (more > 0)
    for await (const message of await consumer.fetch({ max_messages: more, expires: LOOK_MS })) messages.push(message);
  return messages;
}

/** Delivers, again and again with growing pauses, while the broker is told that we are at it. False when told to stop. */
async function delivered(
  records: readonly HistoryRecord[],
  messages: readonly JsMsg[],
  { name, returner, refused, clock, log, signal, ackWaitMs = 30_000 }: PumpOptions,
): Promise<boolean> {
  let pauseMs = FIRST_PAUSE_MS;
  const failures: string[] = [];
  while (!signal.aborted) {
    try {
      const never = records.length === 0 ? [] : await returner.deliver(records, signal);
      if (never.length > 0) {
        log.error(`returner ${name}: ${never.length} records are refused for good: ${never[0]!.reason}`, {
          returner: name,
        });
        await refused(never);
      }
      if (failures.length > 0)
        log.info(`returner ${name} delivers again`, { returner: name, attempts: failures.length });
      return true;
    } catch (error) {
      if (signal.aborted) break;
      const message = errorMessage(error);
      // Told when it begins and when it changes, not at each of hundreds of attempts.
      if (failures.at(-1) !== message) log.warn(`returner ${name}: ${message}`, { returner: name });
      failures.push(message);
      const wanted = error instanceof EdgeError ? Number(error.details.retryAfterMs ?? 0) : 0;
      const limit = Math.min(LONGEST_PAUSE_MS, ackWaitMs / 3);
      const pause = Math.min(limit, Math.max(pauseMs * (0.5 + Math.random() / 2), wanted));
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      for (const held of messages) held.working();
      await clock.sleep(pause, signal).catch(() => undefined); // it only ends the pause
    }
  }
  return false;
}
