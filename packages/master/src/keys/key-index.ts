import { KEY_STATES, type KeyEntry, type KeyState, type KeyStore } from './key-store.ts';

/** Every key by state and public key; the directory is the truth, this is what is asked. */
export class KeyIndex {
  readonly #store: KeyStore;
  readonly #states = new Map<KeyState, Map<string, KeyEntry>>();
  /** Id → its public keys: every host of a target is looked up by its id. */
  readonly #keysOf = new Map<string, Set<string>>();

  /** The ids that are accepted, sorted; undefined when that has changed since it was asked. */
  #acceptedIds: readonly string[] | undefined;

  private constructor(store: KeyStore) {
    this.#store = store;
  }

  static async open(store: KeyStore): Promise<KeyIndex> {
    const index = new KeyIndex(store);
    for (const state of KEY_STATES) {
      index.#states.set(state, new Map());
      for (const entry of await store.keys(state)) index.#keep(state, entry);
    }
    return index;
  }

  /** The keys of a state in order of their ids. */
  all(state: KeyState): readonly KeyEntry[] {
    return [...this.#states.get(state)!.values()];
  }

  size(state: KeyState): number {
    return this.#states.get(state)!.size;
  }

  /** Every key of an id. */
  of(id: string): readonly (readonly [KeyState, KeyEntry])[] {
    const keys = [...(this.#keysOf.get(id) ?? [])];
    return KEY_STATES.flatMap((state) =>
      keys.flatMap((publicKey) => {
        const entry = this.#states.get(state)!.get(publicKey);
        return entry?.id === id ? [[state, entry] as const] : [];
      }),
    );
  }

  /** Where a key stands; undefined for one that is not known. */
  find(publicKey: string): readonly [KeyState, KeyEntry] | undefined {
    for (const [state, entries] of this.#states) {
      const entry = entries.get(publicKey);
      if (entry !== undefined) return [state, entry];
    }
    return undefined;
  }

  accepted(publicKey: string): KeyEntry | undefined {
    return this.#states.get('accepted')!.get(publicKey);
  }

  /** The ids with an accepted key, sorted. */
  acceptedIds(): readonly string[] {
    this.#acceptedIds ??= [...new Set(this.all('accepted').map(({ id }) => id))].sort();
    return this.#acceptedIds;
  }

  /** Writes the key in its new state, then removes it from the one it was in. */
  async put(state: KeyState, entry: KeyEntry): Promise<void> {
    const before = this.find(entry.publicKey)?.[0];
    await this.#store.putKey(state, entry);
    if (before !== undefined && before !== state) await this.remove(before, entry.publicKey);
    this.#keep(state, entry);
  }

  async remove(state: KeyState, publicKey: string): Promise<void> {
    await this.#store.removeKey(state, publicKey);
    const entry = this.#states.get(state)!.get(publicKey);
    if (entry !== undefined) this.#drop(state, entry);
  }

  /** A key is in one state, under one id: that it was under before is forgotten. */
  #keep(state: KeyState, entry: KeyEntry): void {
    if (state === 'accepted') this.#acceptedIds = undefined;
    const before = this.#states.get(state)!.get(entry.publicKey);
    if (before !== undefined) this.#drop(state, before);
    this.#states.get(state)!.set(entry.publicKey, entry);
    const keys = this.#keysOf.get(entry.id) ?? new Set();
    this.#keysOf.set(entry.id, keys.add(entry.publicKey));
  }

  #drop(state: KeyState, { id, publicKey }: KeyEntry): void {
    if (state === 'accepted') this.#acceptedIds = undefined;
    this.#states.get(state)!.delete(publicKey);
    const keys = this.#keysOf.get(id);
    keys?.delete(publicKey);
    if (keys?.size === 0) this.#keysOf.delete(id);
  }
}
