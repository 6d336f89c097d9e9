import { createHash, randomBytes } from 'node:crypto';
import { type Clock, EdgeError } from '@edge-run/shared/kernel';
import picomatch from 'picomatch';
import type { KeyStore, TokenEntry } from './key-store.ts';

/** Whom a new join token is to let in. */
export interface TokenRequest {
  readonly name: string;
  /** Glob of the ids it lets in. Default `*`. */
  readonly ids?: string;
  /** The role of those it lets in: a host that says it has another is not one of them. */
  readonly role?: string;
  /** Default one hour. */
  readonly validForMs?: number;
  /** How many minions it lets in. Default 1. */
  readonly uses?: number;
}

const HOUR_MS = 3_600_000;

/** Secrets that let minions in without anybody's help; only their digests are kept. */
export class JoinTokens {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  /** Digest → token. */
  readonly #entries: Map<string, TokenEntry>;

  private constructor(store: KeyStore, clock: Clock, entries: readonly TokenEntry[]) {
    this.#store = store;
    this.#clock = clock;
    this.#entries = new Map(entries.map((entry) => [entry.digest, entry]));
  }

  static async open(store: KeyStore, clock: Clock): Promise<JoinTokens> {
    return new JoinTokens(store, clock, await store.tokens());
  }

  /** A new token; the secret is shown once. */
  async create({ name, ids = '*', role, validForMs = HOUR_MS, uses = 1 }: TokenRequest): Promise<{
    readonly token: string;
    readonly entry: TokenEntry;
  }> {
    const token = randomBytes(24).toString('base64url');
    const createdAt = this.#clock.now();
    const entry: TokenEntry = {
      name,
      digest: digestOf(token),
      ids,
      ...(role === undefined ? {} : { role }),
      expiresAt: createdAt + validForMs,
      usesLeft: uses,
      createdAt,
    };
    await this.#put(entry);
    return { token, entry };
  }

  /** Uses a token up by one for a host; undefined when it is not good for it. */
  async redeem(id: string, role: string | undefined, token: string): Promise<TokenEntry | undefined> {
    const entry = this.#entries.get(digestOf(token));
    if (entry === undefined || entry.expiresAt < this.#clock.now() || entry.usesLeft < 1) return undefined;
    if (!picomatch.isMatch(id, entry.ids, { nonegate: true, dot: true })) return undefined;
    if (entry.role !== undefined && role !== undefined && role !== entry.role) return undefined;
    const used = { ...entry, usesLeft: entry.usesLeft - 1 };
    await this.#put(used);
    return used;
  }

  /** Those that still let somebody in, and those that did, in order of their making. */
  list(): readonly TokenEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @throws EdgeError `EDGE_KEY_UNKNOWN` */
  async delete(name: string): Promise<void> {
    const found = this.list().filter((entry) => entry.name === name);
    if (found.length === 0)
      throw new EdgeError(
        'EDGE_KEY_UNKNOWN',
        `no join token is named '${name}'`,
        { name },
        { hint: 'See them with: edge-run keys token ls' },
      );
    for (const { digest } of found) {
      await this.#store.removeToken(digest);
      this.#entries.delete(digest);
    }
  }

  async #put(entry: TokenEntry): Promise<void> {
    await this.#store.putToken(entry);
    this.#entries.set(entry.digest, entry);
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
