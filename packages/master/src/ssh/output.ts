/** Keeps the first bytes of a stream and counts the rest. */
export class BoundedOutput {
  readonly #chunks: Buffer[] = [];
  readonly #maxBytes: number;
  #keptBytes = 0;
  #seenBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get seenBytes(): number {
    return this.#seenBytes;
  }

  get isTruncated(): boolean {
    return this.#seenBytes > this.#keptBytes;
  }

  push(chunk: Buffer): void {
    this.#seenBytes += chunk.length;
    const room = this.#maxBytes - this.#keptBytes;
    if (room <= 0) return;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#chunks.push(kept);
    this.#keptBytes += kept.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/**
 * Hands on what comes before a marker and, once the marker and the line it begins are there, gives the line's rest.
 * What comes after that line is kept in `left`.
 */
export class UntilMarker {
  readonly #marker: Buffer;
  readonly #output: BoundedOutput;
  #pending: Buffer = EMPTY;
  #found = false;
  #left: Buffer | undefined;

  constructor(marker: string, output: BoundedOutput) {
    this.#marker = Buffer.from(marker);
    this.#output = output;
  }

  /** What came behind the marker's line; undefined before that line was complete. */
  get left(): Buffer | undefined {
    return this.#left;
  }

  /** The text between marker and line end, when it is complete. */
  push(chunk: Buffer): string | undefined {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#found) {
      const at = this.#pending.indexOf(this.#marker);
      // The last bytes may be the beginning of the marker.
      const safe = at >= 0 ? at : Math.max(0, this.#pending.length - this.#marker.length + 1);
      if (safe > 0) this.#output.push(this.#pending.subarray(0, safe));
      this.#pending = this.#pending.subarray(at >= 0 ? at + this.#marker.length : safe);
      this.#found = at >= 0;
    }
    if (!this.#found) return undefined;
    const end = this.#pending.indexOf(10);
    if (end < 0) return undefined;
    this.#left = this.#pending.subarray(end + 1);
    return this.#pending.subarray(0, end).toString('latin1').trim();
  }

  /** Hands on what was held back: nothing more comes. */
  end(): void {
    if (!this.#found) this.#output.push(this.#pending);
    this.#pending = EMPTY;
  }
}

/**
 * Takes the lines that begin with a key out of stderr and hands the rest on. `onMark` answers true for the last line
 * that belongs here; what comes after it is kept in `left`.
 */
export class MarkedLines {
  readonly #key: Buffer;
  readonly #output: BoundedOutput;
  readonly #onMark: (words: readonly string[]) => boolean;
  #pending: Buffer = EMPTY;
  #left: Buffer | undefined;

  constructor(key: string, output: BoundedOutput, onMark: (words: readonly string[]) => boolean) {
    this.#key = Buffer.from(`${key} `);
    this.#output = output;
    this.#onMark = onMark;
  }

  /** What came behind the last line; undefined before that one was there. */
  get left(): Buffer | undefined {
    return this.#left;
  }

  /** The last bytes, which may be the beginning of a mark. */
  get heldBack(): Buffer {
    return this.#pending;
  }

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const at = this.#pending.indexOf(this.#key);
      if (at < 0) {
        this.#handOn(Math.max(0, this.#pending.length - this.#key.length + 1));
        return;
      }
      this.#handOn(at);
      // A prompt ends with a colon and without a newline; every other mark ends its line.
      const end = this.#pending.findIndex((byte, index) => index >= this.#key.length && (byte === 10 || byte === 58));
      if (end < 0) return;
      const words = this.#pending.subarray(this.#key.length, end).toString('latin1').trim().split(' ');
      this.#pending = this.#pending.subarray(end + 1);
      if (this.#onMark(words) === true) {
        this.#left = this.#pending;
        return;
      }
    }
  }

  /** Hands on what was held back: nothing more comes. */
  end(): void {
    if (this.#left === undefined) this.#handOn(this.#pending.length);
  }

  #handOn(count: number): void {
    if (count > 0) this.#output.push(this.#pending.subarray(0, count));
    this.#pending = this.#pending.subarray(count);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
