import { type Clock, EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { encodedValue, idFromToken, idToken } from '@edge-run/shared/protocol';
import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { openBucket } from '../jetstream/index.ts';

/** One value in the mine, as kept. */
export const storedMineEntry = z.object({
  /** Encoded. */
  value: encodedValue,
  /** Who may read it; everybody when absent. */
  allow: z.object({ target: z.union([z.string(), z.array(z.string())]), targetType: z.string() }).optional(),
  at: z.number(),
});
export type StoredMineEntry = z.infer<typeof storedMineEntry>;

/** Where hosts' values lie. Drivers: JetStream and, for tests, memory. */
export interface MineStore {
  put(id: string, values: ReadonlyMap<string, StoredMineEntry>): Promise<void>;
  /** All values of a host when no names are given. What is not there is fine. */
  remove(id: string, names?: readonly string[]): Promise<void>;
  /** Names of the values a host has. */
  names(id: string): Promise<readonly string[]>;
  /** Host id → its value under a name. */
  read(name: string): Promise<ReadonlyMap<string, StoredMineEntry>>;
}

/** How long another master's write may go unseen. Writes of this one are seen at once. */
const READ_KEPT_MS = 1_000;
const READ_TIMEOUT_MS = 10_000;
const MAX_NAME_LENGTH = 255;
const WRITES_AT_A_TIME = 16;

/**
 * The mine in the bucket `EDGE_MINE`, under `<name>.<host>`. Nothing is kept in memory but the answers of the last
 * second, so that a thousand hosts that ask the same thing at once read it once.
 */
export async function openMineStore(connection: NatsConnection, clock: Clock): Promise<MineStore> {
  return new KvMineStore(await openBucket(connection, clock, 'EDGE_MINE'));
}

class KvMineStore implements MineStore {
  readonly #kv: KV;
  /** name → the read that is under way or has just ended */
  readonly #reads = new Map<string, Promise<ReadonlyMap<string, StoredMineEntry>>>();

  constructor(kv: KV) {
    this.#kv = kv;
  }

  async put(id: string, values: ReadonlyMap<string, StoredMineEntry>): Promise<void> {
    await eachOf([...values], async ([name, entry]) => {
      try {
        await this.#kv.put(keyOf(name, id), JSON.stringify(entry));
      } catch (error) {
        throw notKept(id, name, error);
      } finally {
        this.#reads.delete(name);
      }
    });
  }

  async remove(id: string, names?: readonly string[]): Promise<void> {
    await eachOf(names ?? (await this.names(id)), async (name) => {
      await this.#kv.purge(keyOf(name, id));
      this.#reads.delete(name);
    });
  }

  async names(id: string): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const key of await this.#kv.keys(`*.${idToken(id)}`)) names.push(idFromToken(key.split('.')[0]!));
    return names;
  }

  read(name: string): Promise<ReadonlyMap<string, StoredMineEntry>> {
    const known = this.#reads.get(name);
    if (known !== undefined) return known;
    const read = this.#read(name);
    this.#reads.set(name, read);
    const forget = (): void => {
      if (this.#reads.get(name) === read) this.#reads.delete(name);
    };
    read.then(() => setTimeout(forget, READ_KEPT_MS).unref(), forget);
    return read;
  }

  async #read(name: string): Promise<ReadonlyMap<string, StoredMineEntry>> {
    const history = await this.#kv.history({ key: keyOf(name, '*') });
    const found = new Map<string, StoredMineEntry>();
    // A server that dies in the middle would leave the reader waiting for ever.
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      history.stop();
    }, READ_TIMEOUT_MS);
    try {
      for await (const entry of history) {
        if (entry.operation !== 'PUT') continue;
        const stored = storedMineEntry.safeParse(entry.json());
        if (stored.success) found.set(idFromToken(entry.key.split('.')[1]!), stored.data);
      }
    } finally {
      clearTimeout(timer);
    }
    if (!isLate) return found;
    throw new EdgeError('EDGE_BUS_TIMEOUT', `${name} could not be read from the mine within ${READ_TIMEOUT_MS} ms`, {
      name,
    });
  }
}

/** The mine in this process, for tests. */
export class MemoryMineStore implements MineStore {
  /** host → name → value */
  readonly #values = new Map<string, Map<string, StoredMineEntry>>();

  async put(id: string, values: ReadonlyMap<string, StoredMineEntry>): Promise<void> {
    const own = this.#values.get(id) ?? new Map<string, StoredMineEntry>();
    for (const [name, entry] of values) own.set(name, entry);
    this.#values.set(id, own);
  }

  async remove(id: string, names?: readonly string[]): Promise<void> {
    for (const name of names ?? [...(this.#values.get(id)?.keys() ?? [])]) this.#values.get(id)?.delete(name);
  }

  async names(id: string): Promise<readonly string[]> {
    return [...(this.#values.get(id)?.keys() ?? [])];
  }

  async read(name: string): Promise<ReadonlyMap<string, StoredMineEntry>> {
    const entries = [...this.#values].flatMap(([id, own]): [string, StoredMineEntry][] => {
      const entry = own.get(name);
      return entry === undefined ? [] : [[id, entry]];
    });
    return new Map(entries);
  }
}

/** `*` stands for every host. @throws EdgeError `EDGE_BAD_ARGUMENT` on a name that cannot be a key */
function keyOf(name: string, id: string): string {
  if (name === '' || name.length > MAX_NAME_LENGTH)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `the mine takes names of 1 to ${MAX_NAME_LENGTH} characters, not ${name.length}`,
      { name: name.slice(0, 100) },
      { hint: 'Publish it under an alias: {alias: {mine_function: …}}.' },
    );
  return `${idToken(name)}.${id === '*' ? id : idToken(id)}`;
}

function notKept(id: string, name: string, error: unknown): unknown {
  if (error instanceof EdgeError || !/max.?payload|maximum (message|value)/i.test(errorMessage(error))) return error;
  return new EdgeError(
    'EDGE_BUS_TOO_LARGE',
    `the value of ${name} of ${id} is larger than the mine takes`,
    { id, name },
    { cause: error, hint: 'Publish a part of it, or raise max_payload of the NATS server.' },
  );
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Math.min(WRITES_AT_A_TIME, items.length) }, worker));
}
