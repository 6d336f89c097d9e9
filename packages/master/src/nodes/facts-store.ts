import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, InstantMs, JsonValue } from '@edge-run/shared/kernel';
import { idFromToken, idToken } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap, valuesEqual } from '@edge-run/shared/values';

/** The facts of every host as it last told them; kept in a folder, so that targeting works right after a restart. */
export class FactsStore {
  readonly #dir: string;
  readonly #clock: Clock;
  /** Host id → when it last told them; the time of its file. */
  readonly #toldAt = new Map<string, InstantMs>();
  readonly #facts = new Map<string, PyMap>();
  /** Host id → the write that is under way. */
  readonly #writes = new Map<string, Promise<void>>();
  #onChange: (id: string, facts: PyMap | undefined) => void = () => {};

  constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#clock = clock;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir)) this.#read(name);
  }

  /** Ids of all hosts that ever told their facts. */
  ids(): readonly string[] {
    return [...this.#facts.keys()];
  }

  get(id: string): PyMap | undefined {
    return this.#facts.get(id);
  }

  /** When a host last told its facts, changed or not; survives a restart. */
  asOf(id: string): InstantMs | undefined {
    return this.#toldAt.get(id);
  }

  /** Hears every host whose facts were told or forgotten (undefined) from now on. */
  onChange(hear: (id: string, facts: PyMap | undefined) => void): void {
    this.#onChange = hear;
  }

  /** A host may tell its facts several times at once: writes of one host come one after the other. */
  async set(id: string, facts: PyMap): Promise<void> {
    const known = this.#facts.get(id);
    this.#facts.set(id, facts);
    const now = this.#clock.now();
    this.#toldAt.set(id, now);
    this.#onChange(id, facts);
    const isSame = known !== undefined && valuesEqual(known, facts);
    const work = (): Promise<void> => (isSame ? this.#touch(id, now) : this.#write(id, facts, now));
    const write = (this.#writes.get(id) ?? Promise.resolve()).then(work);
    const settled = write.catch(() => undefined);
    this.#writes.set(id, settled);
    try {
      await write;
    } finally {
      if (this.#writes.get(id) === settled) this.#writes.delete(id);
    }
  }

  async delete(id: string): Promise<void> {
    this.#facts.delete(id);
    this.#toldAt.delete(id);
    this.#onChange(id, undefined);
    await this.#writes.get(id);
    await rm(join(this.#dir, `${idToken(id)}.json`), { force: true });
  }

  async #touch(id: string, now: InstantMs): Promise<void> {
    const file = join(this.#dir, `${idToken(id)}.json`);
    await utimes(file, now / 1000, now / 1000);
  }

  async #write(id: string, facts: PyMap, now: InstantMs): Promise<void> {
    const file = join(this.#dir, `${idToken(id)}.json`);
    await writeFile(`${file}.new`, JSON.stringify(encodeValue(facts)), { mode: 0o600 });
    await utimes(`${file}.new`, now / 1000, now / 1000);
    await rename(`${file}.new`, file);
  }

  #read(name: string): void {
    if (!name.endsWith('.json')) return;
    const file = join(this.#dir, name);
    const id = idFromToken(name.slice(0, -'.json'.length));
    try {
      const facts = decodeValue(JSON.parse(readFileSync(file, 'utf8')) as JsonValue);
      if (!(facts instanceof PyMap)) return;
      this.#facts.set(id, facts);
      this.#toldAt.set(id, Math.round(statSync(file).mtimeMs));
    } catch {
      // Cut off by a crash: the host tells its facts again when it connects.
    }
  }
}
