import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { EdgeError, errorMessage, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import type { Journal, JournalEntry } from './journal.ts';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const MARK = 'secrets';

/** Marks a plan whose values are revealed: a sealed journal encrypts it, and nothing else may keep it. */
export function withSecrets(plan: JsonObject): JsonObject {
  return { ...plan, [MARK]: true };
}

/**
 * A journal that keeps plans with secrets (`withSecrets`) encrypted under the masters' key; who reads a run through here
 * finds its plan as it was appended. Everything else passes as it is.
 *
 * @throws EdgeError `EDGE_JOURNAL_DAMAGED` when reading what was encrypted under another key
 */
export function sealedJournal<E extends JsonValue>(journal: Journal<E>, masterKey: Uint8Array): Journal<E> {
  const key = new Uint8Array(hkdfSync('sha256', masterKey, '', 'edge run plans', 32));
  const opened = (entry: JournalEntry<E>): JournalEntry<E> => ({
    ...entry,
    events: entry.events.map((event) => openedEvent(event, entry.run, key)),
  });
  return {
    append: (run, expected, events) =>
      journal.append(
        run,
        expected,
        events.map((event) => sealedEvent(event, run, key)),
      ),
    read: async (run) => (await journal.read(run)).map(opened),
    latest: () => journal.latest(),
    tail: (signal) => journal.tail(signal),
  };
}

function sealedEvent<E extends JsonValue>(event: E, run: string, key: Uint8Array): E {
  const plan = planOf(event);
  if (plan?.[MARK] !== true) return event;
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv);
  // Bound to its run: put into another's journal it does not open.
  cipher.setAAD(Buffer.from(run));
  const text = Buffer.concat([cipher.update(JSON.stringify(plan), 'utf8'), cipher.final()]);
  return withPlan(event, { sealed: Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64') });
}

function openedEvent<E extends JsonValue>(event: E, run: string, key: Uint8Array): E {
  const plan = planOf(event);
  if (typeof plan?.sealed !== 'string') return event;
  const bytes = Buffer.from(plan.sealed, 'base64');
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES));
    decipher.setAAD(Buffer.from(run));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    return withPlan(event, JSON.parse(text.toString('utf8')) as JsonValue);
  } catch (error) {
    throw new EdgeError(
      'EDGE_JOURNAL_DAMAGED',
      `the plan of run ${run} holds secrets and does not open: ${errorMessage(error)}`,
      { run },
      { cause: error, hint: 'It was written by masters with another key (bucket EDGE_SECRETS), or is damaged.' },
    );
  }
}

/** The plan of a run's first event; no other has one. */
function planOf(event: JsonValue): JsonObject | undefined {
  return isObject(event) && isObject(event.plan) ? event.plan : undefined;
}

function withPlan<E extends JsonValue>(event: E, plan: JsonValue): E {
  return { ...(event as JsonObject), plan } as JsonValue as E;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
