import { EdgeError, Slots } from '@edge-run/shared/kernel';
import { type Become, becomeKey } from './become.ts';
import type { Connection } from './connection.ts';
import type { Ended } from './frame.ts';
import { type FrameInput, killScript } from './script.ts';
import { type RunBounds, ShellSession } from './session.ts';
import { unlessAborted } from './unless-aborted.ts';

/** How long ending a command may take. */
const KILL_MS = 10_000;

/** How often shells that nobody needs are ended. */
const IDLE_MS = 60_000;

/** A command as the shells take it. */
export interface ShellCommand {
  readonly become: Become;
  /** sh lines that become the command, made for a fresh key. */
  readonly scriptFor: (key: string) => string;
  /** Bytes of any size are given to the last command of a shell. */
  readonly input: Exclude<FrameInput, { kind: 'rest' }>;
}

/** Input beyond this is not written into a frame. */
const MAX_FRAMED_INPUT_BYTES = 32 * 1024;

/** The long-lived shells of one host, by the user they run as: who has something to run takes one that is free. */
export class ShellSessions {
  readonly #connection: Connection;
  /** For commands: one channel is always left for those who only look. */
  readonly #slots: Slots;
  readonly #starting = new Map<string, Promise<ShellSession>>();
  #sessions: ShellSession[] = [];
  #sweeping: NodeJS.Timeout | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#slots = new Slots(Math.max(1, connection.maxChannels - 1));
    connection.onContention(() => {
      this.#slots.lowerTo(connection.maxChannels - 1);
      this.#endOneIdle();
    });
  }

  /** Runs a command. @throws SessionEnded; EdgeError `EDGE_DEADLINE`, `EDGE_CANCELLED` after everything it started was ended */
  async run({ become, scriptFor, input }: ShellCommand, bounds: RunBounds): Promise<Ended> {
    const release = await this.#slots.take(bounds.signal);
    try {
      const session = this.#find(become, ({ isIdle }) => isIdle) ?? (await this.#start(become, bounds.signal));
      const isLarge = input.kind === 'bytes' && input.bytes.length > MAX_FRAMED_INPUT_BYTES;
      const running = isLarge ? session.runLast(scriptFor, input.bytes, bounds) : session.run(scriptFor, input, bounds);
      return await this.#watched(session, running, bounds.signal);
    } finally {
      this.#yield();
      release();
    }
  }

  /** Runs one of our own scripts, many at once in one shell. @throws SessionEnded; EdgeError as for `run` */
  async look(become: Become, script: string, bounds: RunBounds): Promise<Ended> {
    const session = this.#find(become, ({ takesLooks }) => takesLooks) ?? (await this.#startForLooks(become, bounds));
    try {
      return await this.#watched(session, session.look(script, bounds), bounds.signal);
    } finally {
      this.#yield();
    }
  }

  /** Starts a shell only to be asked who it is. */
  async identity(signal: AbortSignal): Promise<ShellSession['identity']> {
    const login: Become = { kind: 'login' };
    return (this.#find(login, ({ isUsable }) => isUsable) ?? (await this.#start(login, signal))).identity;
  }

  close(): void {
    clearTimeout(this.#sweeping);
    for (const session of this.#sessions) session.end();
    this.#sessions = [];
  }

  #find(become: Become, suits: (session: ShellSession) => boolean): ShellSession | undefined {
    this.#sessions = this.#sessions.filter(({ hasEnded }) => !hasEnded);
    const key = becomeKey(become);
    return this.#sessions.find((session) => becomeKey(session.become) === key && suits(session));
  }

  async #start(become: Become, signal?: AbortSignal): Promise<ShellSession> {
    const session = await ShellSession.start(this.#connection, { become, ...(signal === undefined ? {} : { signal }) });
    this.#sessions.push(session);
    return session;
  }

  /** Those who only look wait for the same shell; it is not given up because one of them does. */
  #startForLooks(become: Become, { signal }: RunBounds): Promise<ShellSession> {
    const key = becomeKey(become);
    const known = this.#starting.get(key);
    if (known !== undefined) return unlessAborted(known, signal);
    const starting = this.#start(become).finally(() => this.#starting.delete(key));
    this.#starting.set(key, starting);
    return unlessAborted(starting, signal);
  }

  #yield(): void {
    // Somebody may have begun to wait for a channel while this one was busy.
    if (this.#connection.isContended) this.#endOneIdle();
    this.#sweeping ??= setTimeout(() => this.#sweep(), IDLE_MS).unref();
  }

  /** A burst of commands leaves many shells: one of each user is enough while nothing happens. */
  #sweep(): void {
    this.#sweeping = undefined;
    const kept = new Set<string>();
    for (const session of this.#sessions) {
      const key = becomeKey(session.become);
      if (session.isIdle && kept.has(key)) session.end();
      else kept.add(key);
    }
  }

  #endOneIdle(): void {
    this.#sessions.find(({ isIdle }) => isIdle)?.end();
  }

  async #watched(session: ShellSession, running: Promise<Ended>, signal: AbortSignal): Promise<Ended> {
    try {
      return await running;
    } catch (error) {
      if (signal.aborted && !session.hasEnded) await this.#kill(session);
      throw error;
    }
  }

  /** Ends everything that runs in a shell, and the shell. @throws EdgeError when that could not be done */
  async #kill(session: ShellSession): Promise<void> {
    // Root ends what su started; elsewhere only the same user may.
    const isRoots = session.become.kind === 'su' && session.become.password === undefined;
    const become: Become = isRoots ? { kind: 'login' } : session.become;
    const script = killScript(session.leaders);
    const bounds = { maxBytes: 1_000, signal: AbortSignal.timeout(KILL_MS) };
    try {
      const free = this.#find(become, (other) => other !== session && other.isIdle);
      if (free !== undefined) await free.look(script, bounds);
      else await this.#killFromNew(become, script, bounds);
    } finally {
      session.end();
    }
  }

  async #killFromNew(become: Become, script: string, bounds: RunBounds): Promise<void> {
    try {
      await lookOnce(this.#connection, become, script, bounds);
    } catch (error) {
      if (!(error instanceof EdgeError) || error.code !== 'EDGE_SSH_SESSION_REFUSED') throw error;
      // Every channel the server allows is taken.
      const other = this.#connection.sibling();
      try {
        await lookOnce(other, become, script, bounds);
      } finally {
        await other.close();
      }
    }
  }
}

async function lookOnce(connection: Connection, become: Become, script: string, bounds: RunBounds): Promise<void> {
  const session = await ShellSession.start(connection, { become, signal: bounds.signal, urgent: true });
  try {
    await session.look(script, bounds);
  } finally {
    session.end();
  }
}
