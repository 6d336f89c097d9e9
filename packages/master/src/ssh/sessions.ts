import { type Secret, Slots } from '@edge-run/shared/kernel';
import type { Connection } from './connection.ts';
import type { Become } from './script.ts';
import { ShellSession } from './session.ts';

/** More would leave too few channels for commands that need one of their own. */
const MAX_SESSIONS = 3;

/** The long-lived shells of one host, all of the same user; a command takes one that is free. */
export class ShellSessions {
  readonly #connection: Connection;
  readonly #password: Secret | undefined;
  readonly #slots: Slots;
  #sessions: ShellSession[] = [];

  constructor(connection: Connection, password: Secret | undefined, maxChannels: number) {
    this.#connection = connection;
    this.#password = password;
    this.#slots = new Slots(Math.max(1, Math.min(MAX_SESSIONS, maxChannels - 1)));
    connection.onContention(() => this.#endOneIdle());
  }

  /** Lets `use` have a free shell, started if need be. */
  async withSession<T>(become: Become, signal: AbortSignal, use: (session: ShellSession) => Promise<T>): Promise<T> {
    const release = await this.#slots.take(signal);
    try {
      this.#sessions = this.#sessions.filter(({ hasEnded }) => !hasEnded);
      const free = this.#sessions.find(({ isIdle }) => isIdle);
      const session = free ?? (await ShellSession.start(this.#connection, become, this.#password, signal));
      if (free === undefined) this.#sessions.push(session);
      return await use(session);
    } finally {
      // Somebody may have begun to wait for a channel while this one was busy.
      if (this.#connection.isContended) this.#endOneIdle();
      release();
    }
  }

  close(): void {
    for (const session of this.#sessions) session.end();
    this.#sessions = [];
  }

  #endOneIdle(): void {
    this.#sessions.find(({ isIdle }) => isIdle)?.end();
  }
}
