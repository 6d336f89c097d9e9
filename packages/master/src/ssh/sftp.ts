import { deadline, EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { SFTPWrapper } from 'ssh2';
import type { Connection, OpenChannel } from './connection.ts';
import { unlessAborted } from './unless-aborted.ts';

const CHUNK_BYTES = 32 * 1024;
/** Chunks under way: enough to fill a line, few enough to stay small. */
const CHUNKS_AT_ONCE = 64;
const OPEN_TIMEOUT_MS = 10_000;
/** A transfer that does not get on is given up after this. */
const CHUNK_TIMEOUT_MS = 60_000;

/** The file transfer of one host, for contents that are too large for a shell; many servers have none. */
export class FileTransfer {
  readonly #connection: Connection;
  #opening: Promise<OpenChannel<SFTPWrapper>> | undefined;
  #uses = 0;
  #isMissing = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onContention(() => {
      if (this.#uses === 0) this.close();
    });
  }

  /** False once the host has turned out to have none, or one that sees other files than its shell. */
  get isAvailable(): boolean {
    return !this.#isMissing;
  }

  /** It is of no use on this host. */
  giveUp(): void {
    this.#isMissing = true;
    this.close();
  }

  /** The whole file of that size; undefined when it could not be read this way. */
  async read(path: string, sizeBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#use(signal, async (sftp) => {
      const handle = await call<Buffer>((done) => sftp.open(path, 'r', done));
      try {
        const content = Buffer.allocUnsafe(sizeBytes);
        let isShort = false;
        await inChunks(sizeBytes, signal, async (offset, length) => {
          for (let at = offset; at < offset + length && !isShort; ) {
            const got = await new Promise<number>((resolve, reject) => {
              sftp.read(handle, content, at, offset + length - at, at, (error, bytes) =>
                error ? reject(error) : resolve(bytes),
              );
            }).catch((error: unknown) => (isEndOfFile(error) ? 0 : Promise.reject(error)));
            isShort ||= got === 0;
            at += got;
          }
        });
        return isShort ? undefined : new Uint8Array(content.buffer, content.byteOffset, content.length);
      } finally {
        sftp.close(handle, () => {});
      }
    });
  }

  /** Writes a new file that only its owner may read; undefined when that could not be done this way. */
  async write(path: string, content: Uint8Array, signal: AbortSignal): Promise<true | undefined> {
    return this.#use<true>(signal, async (sftp) => {
      const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
      const handle = await call<Buffer>((done) => sftp.open(path, 'wx', 0o600, done));
      try {
        await inChunks(bytes.length, signal, (offset, length) =>
          call<void>((done) => sftp.write(handle, bytes, offset, length, offset, done)),
        );
        await call<void>((done) => sftp.close(handle, done));
        return true;
      } catch (error) {
        sftp.close(handle, () => sftp.unlink(path, () => {}));
        throw error;
      }
    });
  }

  close(): void {
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.then(
      ({ channel, release }) => {
        channel.end();
        release();
      },
      () => undefined,
    );
  }

  /** SFTP has one error for most of what goes wrong: undefined is answered, and the shell asked for a better one. */
  async #use<T>(signal: AbortSignal, work: (sftp: SFTPWrapper) => Promise<T>): Promise<T | undefined> {
    if (this.#isMissing) return undefined;
    this.#uses += 1;
    try {
      const open = await this.#opened(signal);
      if (open === undefined) return undefined;
      return await unlessLost(open, work(open.channel));
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    } finally {
      this.#uses -= 1;
      if (this.#uses === 0 && this.#connection.isContended) this.close();
    }
  }

  async #opened(signal: AbortSignal): Promise<OpenChannel<SFTPWrapper> | undefined> {
    this.#opening ??= this.#open();
    try {
      const open = await unlessAborted(this.#opening, signal);
      if (!open.lost.aborted) return open;
      this.#opening = undefined;
      return await this.#opened(signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#opening = undefined;
      if (error instanceof EdgeError && error.code === 'EDGE_SSH_SESSION_REFUSED') this.#isMissing = true;
      return undefined;
    }
  }

  async #open(): Promise<OpenChannel<SFTPWrapper>> {
    const limit = deadline(OPEN_TIMEOUT_MS, 'opening the file transfer');
    const open = await this.#connection
      .sftp(limit.signal)
      .catch((error: unknown) => {
        // A subsystem that never answers is none.
        if (limit.signal.aborted) this.#isMissing = true;
        throw error;
      })
      .finally(() => limit.dispose());
    open.channel.once('close', () => {
      open.release();
      this.#opening = undefined;
    });
    return open;
  }
}

/** Calls `work` for each chunk, a bounded number at once. */
async function inChunks(
  sizeBytes: number,
  signal: AbortSignal,
  work: (offset: number, length: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < sizeBytes) {
      signal.throwIfAborted();
      const offset = next;
      next += CHUNK_BYTES;
      await inTime(work(offset, Math.min(CHUNK_BYTES, sizeBytes - offset)));
    }
  };
  await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, worker));
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new EdgeError('EDGE_COMMAND_FAILED', 'the file transfer does not get on')),
      CHUNK_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** ssh2 does not call back when the channel goes away under a request. */
function unlessLost<T>({ channel, lost }: OpenChannel<SFTPWrapper>, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onLost = (): void => reject(new EdgeError('EDGE_COMMAND_FAILED', 'the file transfer ended'));
    channel.once('close', onLost);
    lost.addEventListener('abort', onLost, { once: true });
    work.then(resolve, reject).finally(() => {
      channel.off('close', onLost);
      lost.removeEventListener('abort', onLost);
    });
    if (lost.aborted) onLost();
  });
}

function call<T>(start: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(new Error(errorMessage(error), { cause: error })) : resolve(value)));
  });
}

function isEndOfFile(error: unknown): boolean {
  return (error as { code?: unknown }).code === 1;
}
