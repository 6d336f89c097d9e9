import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { HistoryRecord, RefusedRecord, Returner } from './returner.ts';

/** Where records are written. */
export interface FileReturnerOptions {
  readonly path: string;
  /** A file that is larger than this is put aside. */
  readonly maxBytes: number;
  /** How many are kept aside: `<path>.1` is the latest. */
  readonly keep: number;
}

const NEWLINE = 10;

/** Appends records to a file, one JSON object a line, and resolves once they are on disk. */
export function createFileReturner(options: FileReturnerOptions): Returner {
  return new FileReturner(options);
}

class FileReturner implements Returner {
  readonly kind = 'file';
  readonly #options: FileReturnerOptions;
  #file: FileHandle | undefined;
  /** One after the other: several streams of records end in one file. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: FileReturnerOptions) {
    this.#options = options;
  }

  async deliver(records: readonly HistoryRecord[]): Promise<readonly RefusedRecord[]> {
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    const written = this.#last.then(() => this.#append(text));
    this.#last = written.catch(() => undefined); // whoever wrote sees it
    await written;
    return [];
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#closeFile();
  }

  async #append(text: string): Promise<void> {
    const { path, maxBytes } = this.#options;
    try {
      this.#file ??= await this.#open();
      const { size } = await this.#file.stat();
      if (size > 0 && size + Buffer.byteLength(text) > maxBytes) {
        await this.#rotate();
        this.#file = await this.#open();
      }
      await this.#file.appendFile(text);
      await this.#file.datasync();
    } catch (error) {
      await this.#closeFile();
      throw new EdgeError(
        'EDGE_RETURNER_FAILED',
        `cannot write records to ${path}: ${errorMessage(error)}`,
        { path },
        { cause: error, hint: `Look at the disk and at who may write ${path}.` },
      );
    }
  }

  async #open(): Promise<FileHandle> {
    const { path } = this.#options;
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    const file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    if (size === 0) return file;
    // A line that a crash or a full disk cut off must not take the next one with it; its record comes again.
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer[0] !== NEWLINE) await file.appendFile('\n');
    return file;
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#options;
    await this.#closeFile();
    await rm(`${path}.${keep}`, { force: true });
    for (let number = keep - 1; number >= 1; number -= 1)
      await renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
    if (keep > 0) await renameIfThere(path, `${path}.1`);
    else await rm(path, { force: true });
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined); // what was written is on disk already
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
