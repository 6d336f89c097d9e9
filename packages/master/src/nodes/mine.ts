import { type Clock, errorMessage, type Logger } from '@edge-run/shared/kernel';
import type { Mine, MineEntry } from '@edge-run/shared/modules/contract';
import { decodeValue, encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { MineStore, StoredMineEntry } from './mine-store.ts';
import type { Nodes, PillarUse } from './nodes.ts';

/** Who reads the mine. */
export interface MineReader {
  /** The host it is read for: `allow_tgt` must let it. Absent: the master itself, which may read everything. */
  readonly host?: string;
  /** What a target may look into. */
  readonly pillars: PillarUse;
}

/** Data that hosts publish for each other: who may read what, and whom a target means. */
export class MineService {
  readonly #store: MineStore;
  readonly #nodes: Nodes;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(parts: { store: MineStore; nodes: Nodes; clock: Clock; log: Logger }) {
    this.#store = parts.store;
    this.#nodes = parts.nodes;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** id → value of `name`, of the known hosts that match and that let the reader read it. */
  async get(target: string | readonly string[], name: string, targetType: string, reader: MineReader): Promise<PyMap> {
    const published = await this.#store.read(name);
    const { matched } = await this.#nodes.select(target, targetType, { pillars: reader.pillars });
    const found: [Value, Value][] = [];
    /** Rule → whether it lets the reader, so that a thousand hosts with one rule ask once. */
    const judged = new Map<string, Promise<boolean>>();
    for (const { id } of matched) {
      const entry = published.get(id);
      if (entry !== undefined && (await this.#mayRead(entry, id, reader, judged)))
        found.push([id, decodeValue(entry.value)]);
    }
    return new PyMap(found);
  }

  /** Keeps values of a host, encoded already. */
  async put(
    id: string,
    entries: readonly { readonly name: string; readonly stored: Omit<StoredMineEntry, 'at'> }[],
    { replaceAll }: { readonly replaceAll: boolean },
  ): Promise<void> {
    const at = this.#clock.now();
    await this.#store.put(id, new Map(entries.map(({ name, stored }) => [name, { ...stored, at }])));
    if (!replaceAll) return;
    const names = new Set(entries.map(({ name }) => name));
    await this.remove(
      id,
      (await this.#store.names(id)).filter((name) => !names.has(name)),
    );
  }

  /** Forgets values of a host; all of them when no names are given. */
  remove(id: string, names?: readonly string[]): Promise<void> {
    return this.#store.remove(id, names);
  }

  /** The mine as modules of one host see it. */
  forHost(id: string, reader: MineReader): Mine {
    return {
      get: (target, name, type) => this.get(target, name, type, reader),
      update: (entries, options) => this.put(id, entries.map(encodedEntry), options),
      remove: (names) => this.remove(id, names),
    };
  }

  async #mayRead(
    { allow }: StoredMineEntry,
    owner: string,
    reader: MineReader,
    judged: Map<string, Promise<boolean>>,
  ): Promise<boolean> {
    if (allow === undefined || reader.host === undefined) return true;
    const key = JSON.stringify(allow);
    const known = judged.get(key) ?? this.#nodes.matches(reader.host, allow.target, allow.targetType, reader.pillars);
    judged.set(key, known);
    try {
      return await known;
    } catch (error) {
      // A rule that cannot be read lets nobody.
      this.#log.warn(`allow_tgt of ${owner} lets nobody read: ${errorMessage(error)}`, { owner });
      return false;
    }
  }
}

/** As it travels and is kept. */
export function encodedEntry({ name, value, allow }: MineEntry): {
  readonly name: string;
  readonly stored: Omit<StoredMineEntry, 'at'>;
} {
  const rule = allow === undefined ? {} : { allow: { ...allow, target: copied(allow.target) } };
  return { name, stored: { value: encodeValue(value), ...rule } };
}

function copied(target: string | readonly string[]): string | string[] {
  return typeof target === 'string' ? target : [...target];
}
