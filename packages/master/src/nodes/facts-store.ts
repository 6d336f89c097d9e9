import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '@edge-run/shared/kernel';
import { idFromToken, idToken } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap, valuesEqual } from '@edge-run/shared/values';

/** The facts of every host as it last told them; kept in a folder, so that targeting works right after a restart. */
export class FactsStore {
  readonly #dir: string;
  readonly #facts = new Map<string, PyMap>();
  /** Host id → the write that is under way. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(dir: string) {
    this.#dir = dir;
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

  /** A host may tell its facts several times at once: writes of one host come one after the other. */
  async set(id: string, facts: PyMap): Promise<void> {
    const known = this.#facts.get(id);
    this.#facts.set(id, facts);
    if (known !== undefined && valuesEqual(known, facts)) return;
    const write = (this.#writes.get(id) ?? Promise.resolve()).then(() => this.#write(id, facts));
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
    await rm(join(this.#dir, `${idToken(id)}.json`), { force: true });
  }

  async #write(id: string, facts: PyMap): Promise<void> {
    const file = join(this.#dir, `${idToken(id)}.json`);
    await writeFile(`${file}.new`, JSON.stringify(encodeValue(facts)), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  #read(name: string): void {
    if (!name.endsWith('.json')) return;
    try {
      const facts = decodeValue(JSON.parse(readFileSync(join(this.#dir, name), 'utf8')) as JsonValue);
      if (facts instanceof PyMap) this.#facts.set(idFromToken(name.slice(0, -'.json'.length)), facts);
    } catch {
      // Cut off by a crash: the host tells its facts again when it connects.
    }
  }
}
