/** How the stream of returns is asked what it holds. */
export interface StoredReturnsSource {
  /** True when the stream holds the return of a job by a minion. */
  has(jid: string, id: string): Promise<boolean>;
  /** The minions whose returns of a job the stream holds. */
  idsOf(jid: string): Promise<Iterable<string>>;
}

interface Asked {
  /** How often the stream was asked for one return of the job. */
  singly: number;
  /** What the stream held when it was asked for all. */
  known: Places;
  reading: Promise<Places> | undefined;
}

/** From so many on, all returns of a job are asked for at once: its other targets ask soon. */
const SINGLY_AT_MOST = 3;
const JOBS_REMEMBERED = 1_024;
const MINIONS_REMEMBERED = 200_000;

/**
 * Answers which returns of a minion are stored. Each of thousands of targets asks this after every job: one question
 * after all returns of a job costs the stream less than a few after single ones. A yes is remembered, a no never.
 */
export function storedReturns(
  source: StoredReturnsSource,
): (id: string, jids: readonly string[]) => Promise<readonly string[]> {
  let memory = new Memory();
  return async (id, jids) => {
    if (memory.isFull) memory = new Memory();
    const current = memory;
    const stored = await Promise.all(jids.map((jid) => isStored(source, current, jid, id)));
    return jids.filter((_, index) => stored[index]);
  };
}

async function isStored(source: StoredReturnsSource, memory: Memory, jid: string, id: string): Promise<boolean> {
  const place = memory.placeOf(id);
  const asked = memory.askedFor(jid);
  if (asked.known.has(place)) return true;
  if (asked.singly < SINGLY_AT_MOST) {
    asked.singly += 1;
    return source.has(jid, id);
  }
  asked.reading ??= readAll(source, memory, jid).finally(() => {
    asked.reading = undefined;
    asked.singly = 0;
  });
  asked.known = await asked.reading;
  return asked.known.has(place);
}

async function readAll(source: StoredReturnsSource, memory: Memory, jid: string): Promise<Places> {
  const found = new Places();
  for (const id of await source.idsOf(jid)) found.add(memory.placeOf(id));
  return found;
}

/** What was asked for lately. A minion has one place in all jobs, so that a job of ten thousand takes a kilobyte. */
class Memory {
  /** In order of their last use. */
  readonly #jobs = new Map<string, Asked>();
  readonly #places = new Map<string, number>();

  /** True when it has met too many minions: a place is never given to another, so it is left for a new one. */
  get isFull(): boolean {
    return this.#places.size > MINIONS_REMEMBERED;
  }

  placeOf(id: string): number {
    const known = this.#places.get(id);
    if (known !== undefined) return known;
    this.#places.set(id, this.#places.size);
    return this.#places.size - 1;
  }

  askedFor(jid: string): Asked {
    const asked = this.#jobs.get(jid) ?? { singly: 0, known: new Places(), reading: undefined };
    this.#jobs.delete(jid);
    this.#jobs.set(jid, asked);
    if (this.#jobs.size > JOBS_REMEMBERED) this.#jobs.delete(this.#jobs.keys().next().value!);
    return asked;
  }
}

/** A set of small numbers. */
class Places {
  #bits = new Uint8Array(0);

  has(place: number): boolean {
    return ((this.#bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }

  add(place: number): void {
    const at = place >> 3;
    if (at >= this.#bits.length) {
      const wider = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      wider.set(this.#bits);
      this.#bits = wider;
    }
    this.#bits[at]! |= 1 << (place & 7);
  }
}
