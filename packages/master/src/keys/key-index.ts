import { KEY_STATES, type KeyEntry, type KeyState, type KeyStore } from './key-store.ts';

/** Every key by state and public key; the directory is the truth, this is what is asked. */
export class KeyIndex {
  readonly #store: KeyStore;
  readonly #states = new Map<KeyState, Map<string, KeyEntry>>();

  private constructor(store: KeyStore) {
    this.#store = store;
  }

  static async open(store: KeyStore): Promise<KeyIndex> {
    const index = new KeyIndex(store);
    for (const state of KEY_STATES)
      index.#states.set(state, new Map((await store.keys(state)).map((entry) => [entry.publicKey, entry])));
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
    return KEY_STATES.flatMap((state) =>
      this.all(state)
        .filter((entry) => entry.id === id)
        .map((entry) => [state, entry] as const),
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

  /** Writes the key in its new state, then removes it from the one it was in. */
  async put(state: KeyState, entry: KeyEntry): Promise<void> {
    const before = this.find(entry.publicKey)?.[0];
    await this.#store.putKey(state, entry);
    if (before !== undefined && before !== state) await this.remove(before, entry.publicKey);
    this.#states.get(state)!.set(entry.publicKey, entry);
  }

  async remove(state: KeyState, publicKey: string): Promise<void> {
    await this.#store.removeKey(state, publicKey);
    this.#states.get(state)!.delete(publicKey);
  }
}
