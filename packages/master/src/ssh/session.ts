import { randomBytes } from 'node:crypto';
import { cancelled, deadline } from '@edge-run/shared/kernel';
import type { ClientChannel } from 'ssh2';
import { type Become, shellLine, shellScript } from './become.ts';
import type { Connection, OpenChannel } from './connection.ts';
import { type Ended, Frame } from './frame.ts';
import { type Greeting, greet, type Identity } from './greet.ts';
import { LOOK_FUNCTIONS } from './look.ts';
import { commandFrame, type FrameInput, lookFrame } from './script.ts';
import { SessionEnded } from './session-ended.ts';
import { openOnTerminal } from './terminal.ts';

const START_TIMEOUT_MS = 20_000;
/** How long output is still awaited once the program has ended: a background child may hold it open for ever. */
const DRAIN_MS = 500;
/** Looks that may be under way in one shell: enough to hide a slow line. */
const MAX_LOOKS = 64;

/** Bounds of one command. */
export interface RunBounds {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** How a shell is started. */
export interface SessionOptions {
  readonly become: Become;
  readonly signal?: AbortSignal;
  /** It must not wait until others give a channel back: it ends one of them. */
  readonly urgent?: boolean;
}

/**
 * A long-lived shell on the host that answers one command after the other: what a login costs is paid once. Commands
 * come one at a time, each with pipes of its own; looks of ours are asked many at once and answered in order.
 */
export class ShellSession {
  readonly become: Become;
  readonly identity: Identity;
  /** Processes whose groups hold everything that runs in the shell. */
  readonly leaders: readonly string[];
  readonly #open: OpenChannel<ClientChannel>;
  readonly #connection: Connection;
  /** Those whose answers are not complete, oldest first. */
  #frames: Frame[] = [];
  #isCommand = false;
  #ended = false;
  #isStale = false;

  private constructor(connection: Connection, open: OpenChannel<ClientChannel>, become: Become, hello: Greeting) {
    this.#connection = connection;
    this.#open = open;
    this.become = become;
    this.identity = hello.identity;
    this.leaders = hello.leaders;
    const { channel, lost } = open;
    channel.on('data', (chunk: Buffer) => this.#onStdout(chunk));
    channel.stderr.on('data', (chunk: Buffer) => this.#onStderr(chunk));
    channel.on('close', () => this.end());
    channel.on('error', () => {
      // A program that does not read all of its input: how it ends is told all the same.
    });
    lost.addEventListener('abort', () => this.end(), { once: true });
    if (lost.aborted) this.end();
  }

  /** Starts the shell, becomes the user asked for and asks who that is. @throws EdgeError `EDGE_SSH_SUDO_…`, SessionEnded */
  static async start(
    connection: Connection,
    { become, signal, urgent = false }: SessionOptions,
  ): Promise<ShellSession> {
    const key = randomBytes(16).toString('hex');
    const limit = deadline(START_TIMEOUT_MS, `starting a shell on ${connection.target.id}`, signal);
    try {
      const open = connection.target.tty
        ? await openOnTerminal(connection, shellScript(become, key), { signal: limit.signal, urgent })
        : await connection.exec(shellLine(become, key), limit.signal, { urgent });
      try {
        const hello = await greet(connection.target.id, open, { become, key, functions: LOOK_FUNCTIONS }, limit.signal);
        return new ShellSession(connection, open, become, hello);
      } catch (error) {
        open.channel.close();
        open.release();
        throw error;
      }
    } finally {
      limit.dispose();
    }
  }

  /** True when nothing is under way and a command may come. */
  get isIdle(): boolean {
    return this.isUsable && this.#frames.length === 0;
  }

  get isUsable(): boolean {
    return !this.#ended && !this.#isStale;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** True while one more look may be asked. */
  get takesLooks(): boolean {
    return this.isUsable && !this.#isCommand && this.#frames.length < MAX_LOOKS;
  }

  /** Runs one of our own scripts, which only looks; others may be under way. @throws SessionEnded */
  look(script: string, bounds: RunBounds): Promise<Ended> {
    return this.#ask((key) => lookFrame(script, key), bounds);
  }

  /** Runs a command, alone. @throws SessionEnded */
  async run(scriptFor: (key: string) => string, input: FrameInput, bounds: RunBounds): Promise<Ended> {
    this.#isCommand = true;
    try {
      return await this.#ask((key) => commandFrame(scriptFor(key), key, input), bounds);
    } finally {
      this.#isCommand = false;
    }
  }

  /** Runs a command that reads `stdin`, of any size; the shell ends with it. @throws SessionEnded */
  async runLast(scriptFor: (key: string) => string, stdin: Uint8Array, bounds: RunBounds): Promise<Ended> {
    this.#isCommand = true;
    // Only when the shell has begun to run it is certain that it reads no more itself.
    const feed = (): void => void this.#open.channel.end(stdin);
    return this.#ask((key) => commandFrame(scriptFor(key), key, { kind: 'rest' }), bounds, feed).finally(() =>
      this.end(),
    );
  }

  /** Ends the shell and gives its channel back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#open.channel.close();
    this.#open.release();
    for (const frame of this.#frames.splice(0)) frame.lose();
  }

  #ask(frameFor: (key: string) => string, { maxBytes, signal }: RunBounds, started?: () => void): Promise<Ended> {
    return new Promise((resolve, reject) => {
      if (!this.isUsable) return reject(new SessionEnded('the shell is not free', false));
      if (signal.aborted) return reject(cancelled(signal));
      const key = randomBytes(16).toString('hex');
      const onAbort = (): void => {
        // What runs is ended by whoever knows how; nobody else may use this shell.
        this.#isStale = true;
        reject(cancelled(signal));
      };
      const settle = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const frame = new Frame(key, maxBytes, {
        ended: (ended, stragglers) =>
          settle(() => {
            resolve(ended);
            if (stragglers) this.end();
          }),
        lost: () => settle(() => reject(new SessionEnded('the shell ended', true))),
        ...(started === undefined ? {} : { started }),
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.#frames.push(frame);
      this.#open.channel.write(frameFor(key));
    });
  }

  #onStdout(chunk: Buffer): void {
    let rest = chunk;
    for (const frame of [...this.#frames]) {
      if (rest.length === 0) break;
      if (!frame.stdoutEnded) rest = frame.pushStdout(rest);
    }
    this.#tidy(rest);
  }

  #onStderr(chunk: Buffer): void {
    let rest = chunk;
    for (const frame of [...this.#frames]) {
      if (rest.length === 0) break;
      if (frame.stderrEnded) continue;
      const hadExited = frame.hasExited;
      rest = frame.pushStderr(rest);
      if (!hadExited && frame.hasExited) this.#awaitOutput(frame);
    }
    this.#tidy(rest);
  }

  #tidy(rest: Buffer): void {
    if (rest.length > 0) this.#isStale = true; // nobody was asked: somebody else writes into our streams
    this.#frames = this.#frames.filter((frame) => !(frame.stdoutEnded && frame.stderrEnded));
    if (this.#isStale && this.#frames.length === 0) this.end();
  }

  /** Gives up on output that a background child holds open, when nothing has come for a while and the line is alive. */
  #awaitOutput(frame: Frame): void {
    const look = (seen: number): void => {
      setTimeout(() => {
        if (!this.#frames.includes(frame)) return;
        if (frame.seenBytes > seen) return look(frame.seenBytes);
        // Behind the answer of the server no output can follow that was written before it was asked.
        this.#connection.echo().then(
          () => (frame.seenBytes > seen ? look(frame.seenBytes) : frame.leaveStragglers()),
          () => frame.lose(),
        );
      }, DRAIN_MS);
    };
    look(frame.seenBytes);
  }
}
