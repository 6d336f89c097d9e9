import type { ExecResult } from '@edge-run/shared/host';
import { BoundedOutput, MarkedLines, UntilMarker } from './output.ts';
import { MARK, type Obstacle } from './script.ts';

/** How a framed command ended. */
export interface Ended {
  readonly result: ExecResult;
  readonly obstacle: Obstacle | undefined;
}

/** What becomes of a frame; exactly one of them is called, once. */
export interface FrameEnd {
  /** `stragglers`: somebody it started still holds its output; the shell waits for them and is of no further use. */
  ended(ended: Ended, stragglers: boolean): void;
  /** The shell went away before it said how the command ended. */
  lost(): void;
  /** The command reads its input now. */
  started?(): void;
}

/**
 * The answer to one frame, put together from the two streams of a shell. A look's exit code comes behind its output, a
 * command's on stderr while others may still hold its output.
 */
export class Frame {
  readonly #stdout: BoundedOutput;
  readonly #stderr: BoundedOutput;
  readonly #untilStdout: UntilMarker;
  readonly #marks: MarkedLines;
  readonly #end: FrameEnd;
  #obstacle: Obstacle | undefined;
  #exitCode: number | undefined;
  #settled = false;

  constructor(key: string, maxBytes: number, end: FrameEnd) {
    this.#stdout = new BoundedOutput(maxBytes);
    this.#stderr = new BoundedOutput(maxBytes);
    this.#end = end;
    this.#untilStdout = new UntilMarker(`\n${key}`, this.#stdout);
    this.#marks = new MarkedLines(key, this.#stderr, ([word, value]) => {
      if (word === MARK.noProgram || word === MARK.noDirectory) this.#obstacle = word;
      else if (word === MARK.exit) this.#exitCode = codeOf(value);
      else if (word === MARK.started) this.#end.started?.();
      return word === MARK.end;
    });
  }

  /** True once the exit code is known, whoever still writes. */
  get hasExited(): boolean {
    return this.#exitCode !== undefined;
  }

  get seenBytes(): number {
    return this.#stdout.seenBytes + this.#stderr.seenBytes;
  }

  get stdoutEnded(): boolean {
    return this.#untilStdout.left !== undefined;
  }

  get stderrEnded(): boolean {
    return this.#marks.left !== undefined;
  }

  /** Takes its part of a chunk and answers the rest, which belongs to the frames after it. */
  pushStdout(chunk: Buffer): Buffer {
    const code = this.#untilStdout.push(chunk);
    if (code !== undefined && code !== '') this.#exitCode ??= codeOf(code);
    this.#finish();
    return this.#untilStdout.left ?? NOTHING;
  }

  /** Takes its part of a chunk and answers the rest, which belongs to the frames after it. */
  pushStderr(chunk: Buffer): Buffer {
    this.#marks.push(chunk);
    this.#finish();
    return this.#marks.left ?? NOTHING;
  }

  /** The command has ended and others hold its output: what they have written so far is the answer. */
  leaveStragglers(): void {
    this.#untilStdout.end();
    this.#marks.end();
    this.#settle(true);
  }

  /** The shell is gone. */
  lose(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#end.lost();
  }

  #finish(): void {
    if (this.stdoutEnded && this.stderrEnded) this.#settle(false);
  }

  #settle(stragglers: boolean): void {
    if (this.#settled) return;
    // Whoever killed the shell's own waiting process took the exit code with him.
    if (this.#exitCode === undefined) {
      this.lose();
      return;
    }
    this.#settled = true;
    const stdoutBytes = this.#stdout.bytes();
    const result = {
      exitCode: this.#exitCode,
      stdout: stdoutBytes.toString('utf8'),
      stderr: this.#stderr.bytes().toString('utf8'),
      stdoutBytes,
      truncated: this.#stdout.isTruncated || this.#stderr.isTruncated,
    };
    this.#end.ended({ result, obstacle: this.#obstacle }, stragglers);
  }
}

/** ksh says 256 plus the number of a signal. */
function codeOf(text: string | undefined): number {
  const code = Number(text);
  return code > 255 ? 128 + (code - 256) : code;
}

const NOTHING: Buffer = Buffer.alloc(0);
