import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Where a line stands in the file, in bytes. */
export interface LineSpan {
  readonly at: number;
  readonly length: number;
}

const CHUNK_BYTES = 64 * 1024;
const LINE_FEED = 10;

/**
 * A file of JSON lines that is only appended to, with one system call a line, and written anew when most of it is old. A
 * line that a crash cut off is cut off the file, so that every line in it is whole.
 */
export class JobLog {
  readonly #path: string;
  #file: number;
  #size: number;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(`${path}.new`, { force: true });
    this.#path = path;
    this.#file = openSync(path, 'a+', 0o600);
    this.#size = fstatSync(this.#file).size;
  }

  get size(): number {
    return this.#size;
  }

  /** Every whole line in order; what is behind the last one is cut off. */
  *lines(): Generator<readonly [text: string, span: LineSpan]> {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    let rest: Buffer = Buffer.alloc(0);
    let at = 0;
    for (let from = 0; ; ) {
      const read = readSync(this.#file, buffer, 0, CHUNK_BYTES, from);
      if (read === 0) break;
      from += read;
      rest = Buffer.concat([rest, buffer.subarray(0, read)]);
      let begun = 0;
      for (let end = rest.indexOf(LINE_FEED, begun); end !== -1; end = rest.indexOf(LINE_FEED, begun)) {
        const length = end - begun;
        yield [rest.toString('utf8', begun, end), { at, length }];
        at += length + 1;
        begun = end + 1;
      }
      rest = rest.subarray(begun);
    }
    if (rest.length > 0) ftruncateSync(this.#file, at);
    this.#size = at;
  }

  append(text: string): LineSpan {
    return this.appendAll([text])[0]!;
  }

  /** Appends many lines with one system call. */
  appendAll(texts: readonly string[]): readonly LineSpan[] {
    const spans: LineSpan[] = [];
    let at = this.#size;
    for (const text of texts) {
      const length = Buffer.byteLength(text);
      spans.push({ at, length });
      at += length + 1;
    }
    const bytes = Buffer.from(`${texts.join('\n')}\n`);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    this.#size = at;
    return spans;
  }

  read({ at, length }: LineSpan): string {
    const bytes = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file, bytes, done, length - done, at + done);
      if (read === 0) throw new Error(`${this.#path} ends before byte ${at + length}`);
      done += read;
    }
    return bytes.toString('utf8');
  }

  /** Keeps only these lines, each with what is to stand `behind` it, and answers where each stands now. */
  rewrite(kept: readonly { readonly span: LineSpan; readonly behind?: string }[]): readonly LineSpan[] {
    const path = `${this.#path}.new`;
    const next = new JobLog(path);
    const spans = kept.map(({ span, behind }) => {
      const now = next.append(this.read(span));
      if (behind !== undefined) next.append(behind);
      return now;
    });
    renameSync(path, this.#path);
    closeSync(this.#file);
    this.#file = next.#file;
    this.#size = next.#size;
    return spans;
  }
}
