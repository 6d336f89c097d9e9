import { Duplex } from 'node:stream';

/**
 * A connection with the manners of a socket, over one that a host opened: channels of SSH are streams that tell neither
 * that they were destroyed nor, always, that they were closed, and who waits for that waits for ever.
 */
export class PlainStream extends Duplex {
  readonly #inner: Duplex;
  #hasEnded = false;

  constructor(inner: Duplex) {
    super();
    this.#inner = inner;
    inner
      .on('data', (chunk: Uint8Array) => {
        if (!this.push(chunk)) inner.pause();
      })
      .on('end', () => this.#end())
      .on('error', (error: Error) => this.destroy(error))
      .on('close', () => this.#end());
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.push(null);
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#inner.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#inner.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy();
    done(error);
  }
}
