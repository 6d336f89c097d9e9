import { constants } from 'node:os';
import type { Command, ExecOptions, ExecResult } from '@edge-run/shared/host';
import { cancelled, deadline, type EdgeError, type Secret } from '@edge-run/shared/kernel';
import type { ClientChannel } from 'ssh2';
import type { Connection } from './connection.ts';
import { connectionLost, sudoRefused } from './errors.ts';
import { BoundedOutput, MarkedLines } from './output.ts';
import { type Become, channelLine, MARK } from './script.ts';

/** Default of `ExecOptions.timeoutMs`. */
export const DEFAULT_TIMEOUT_MS = 300_000;
/** Default of `ExecOptions.maxOutputBytes`. */
export const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;
/** How long output is still awaited once the program has ended: a background child may hold it open for ever. */
const DRAIN_MS = 500;
/** How long a killed command may take to go. */
const KILL_MS = 5_000;

/** One command on a channel of its own. */
export interface ChannelCommand {
  /** How errors name it. */
  readonly label: string;
  /** sh lines that become the command. */
  readonly script: string;
  readonly become: Become;
  readonly password: Secret | undefined;
  /** Random and fresh: marks our own lines on stderr. */
  readonly key: string;
  readonly options: ExecOptions;
}

/** What stopped a command from starting, as the scripts report it. */
export type Obstacle = typeof MARK.noProgram | typeof MARK.noDirectory;

/** Runs one command on a channel of its own; killable, with input, as any user. @throws EdgeError */
export async function runOnChannel(
  connection: Connection,
  command: ChannelCommand,
): Promise<{ result: ExecResult; obstacle: Obstacle | undefined }> {
  const { id } = connection.target;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal: parent } = command.options;
  const limit = deadline(timeoutMs, `\`${command.label}\` on ${id}`, parent);
  try {
    const line = channelLine(command.script, command.become, command.key);
    const open = await connection.exec(line, limit.signal);
    try {
      return await new Run(connection, command, open.channel, open.lost, limit.signal).ended;
    } finally {
      open.release();
    }
  } finally {
    limit.dispose();
  }
}

class Run {
  readonly ended: Promise<{ result: ExecResult; obstacle: Obstacle | undefined }>;
  readonly #connection: Connection;
  readonly #command: ChannelCommand;
  readonly #channel: ClientChannel;
  readonly #stdout: BoundedOutput;
  readonly #stderr: BoundedOutput;
  /** Processes and process groups to kill: the session's leader and, under sudo or su, the shell inside. */
  readonly #pids: string[] = [];
  #started = false;
  #onStarted: () => void = () => {};
  #prompts = 0;
  #obstacle: Obstacle | undefined;
  #exit: { code: number | null; signal: string | undefined } | undefined;

  constructor(
    connection: Connection,
    command: ChannelCommand,
    channel: ClientChannel,
    lost: AbortSignal,
    signal: AbortSignal,
  ) {
    this.#connection = connection;
    this.#command = command;
    this.#channel = channel;
    const maxBytes = command.options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
    this.#stdout = new BoundedOutput(maxBytes);
    this.#stderr = new BoundedOutput(maxBytes);
    this.ended = new Promise((resolve, reject) => {
      let settled = false;
      const settle = (finish: () => void): void => {
        if (settled) return;
        settled = true;
        signal.removeEventListener('abort', onAbort);
        lost.removeEventListener('abort', onLost);
        channel.close();
        finish();
      };
      const onLost = (): void => settle(() => reject(this.#lost()));
      const onAbort = (): void => {
        this.#kill().then(
          () => settle(() => reject(cancelled(signal))),
          () => settle(() => reject(cancelled(signal))),
        );
      };
      // Once it was told to stop, the whole group is waited for, and not only its leader.
      this.#listen(() => {
        if (!signal.aborted) settle(() => this.#finish(resolve, reject));
      });
      lost.addEventListener('abort', onLost, { once: true });
      signal.addEventListener('abort', onAbort, { once: true });
      if (lost.aborted) onLost();
      else if (signal.aborted) onAbort();
    });
  }

  #listen(onEnd: () => void): void {
    const channel = this.#channel;
    const marks = new MarkedLines(this.#command.key, this.#stderr, (words) => this.#onMark(words));
    channel.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    channel.stderr.on('data', (chunk: Buffer) => marks.push(chunk));
    channel.on('error', () => {
      // The program ended without reading all of its input: its exit code tells the story.
    });
    channel.on('exit', (code: number | null, signal?: string) => {
      this.#exit = { code, signal };
      const awaitOutput = (): void => {
        const seen = this.#stdout.seenBytes + this.#stderr.seenBytes;
        setTimeout(() => (this.#stdout.seenBytes + this.#stderr.seenBytes > seen ? awaitOutput() : end()), DRAIN_MS);
      };
      awaitOutput();
    });
    const end = (): void => {
      marks.end();
      onEnd();
    };
    channel.on('close', end);
  }

  #onMark([word, value]: readonly string[]): void {
    if (word === MARK.leader && value !== undefined) this.#pids.push(value);
    else if (word === MARK.started) {
      if (value !== undefined) this.#pids.push(value);
      this.#started = true;
      this.#onStarted();
      // Only now is it certain that sudo does not read the input for a password.
      this.#channel.end(this.#command.options.stdin ?? '');
    } else if (word === MARK.noProgram || word === MARK.noDirectory) this.#obstacle = word;
    else if (word === 'password') {
      this.#prompts += 1;
      if (this.#prompts === 1 && this.#command.password) this.#channel.write(`${this.#command.password.reveal()}\n`);
      else this.#channel.end();
    }
  }

  #finish(
    resolve: (ended: { result: ExecResult; obstacle: Obstacle | undefined }) => void,
    reject: (error: EdgeError) => void,
  ): void {
    const { become } = this.#command;
    if (this.#exit === undefined) {
      reject(this.#lost());
      return;
    }
    const stderr = this.#stderr.bytes().toString('utf8');
    if (!this.#started && become.kind !== 'login') {
      const said = this.#prompts > 1 ? 'the password is wrong' : stderr;
      reject(sudoRefused(this.#connection.target.id, become.user, said));
      return;
    }
    const stdoutBytes = this.#stdout.bytes();
    resolve({
      result: {
        exitCode: exitCodeOf(this.#exit),
        stdout: stdoutBytes.toString('utf8'),
        stderr,
        stdoutBytes,
        truncated: this.#stdout.isTruncated || this.#stderr.isTruncated,
      },
      obstacle: this.#obstacle,
    });
  }

  #lost(): EdgeError {
    return connectionLost(this.#connection.target.id, this.#command.label);
  }

  async #kill(): Promise<void> {
    // A login shell may take its time: what has not said its process id yet cannot be killed, and would start later.
    if (!this.#started && this.#exit === undefined) await this.#nextMarkOrEnd();
    await killGroups(this.#connection, this.#pids, this.#command);
  }

  #nextMarkOrEnd(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, KILL_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#onStarted = done;
      this.#channel.once('close', done);
    });
  }
}

/** Ends process groups on the host: asks first, then insists. Resolves when it was said, whether or not it helped. */
export async function killGroups(
  connection: Connection,
  pids: readonly string[],
  { become, password, key }: Pick<ChannelCommand, 'become' | 'password' | 'key'>,
): Promise<void> {
  const targets = pids.filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => [`-${pid}`, pid]);
  if (targets.length === 0) return;
  const all = targets.join(' ');
  const script = `for p in ${all}; do kill -TERM $p 2>/dev/null; done; sleep 1; for p in ${all}; do kill -KILL $p 2>/dev/null; done; :`;
  const limit = deadline(KILL_MS, 'killing a command');
  try {
    // Root kills what su started; under sudo the killer has to become the same user.
    const killer: Become = become.kind === 'sudo' ? become : { kind: 'login' };
    const { channel, release, lost } = await connection.exec(channelLine(script, killer, key), limit.signal);
    await new Promise<void>((resolve) => {
      const marks = new MarkedLines(key, new BoundedOutput(0), ([word]) => {
        if (word === 'password' && password) channel.write(`${password.reveal()}\n`);
      });
      channel.stderr.on('data', (chunk: Buffer) => marks.push(chunk));
      channel.on('close', resolve);
      channel.on('error', () => resolve());
      lost.addEventListener('abort', () => resolve(), { once: true });
      limit.signal.addEventListener('abort', () => resolve(), { once: true });
      channel.resume();
    });
    channel.close();
    release();
  } finally {
    limit.dispose();
  }
}

function exitCodeOf({ code, signal }: { code: number | null; signal: string | undefined }): number {
  if (code !== null && code !== undefined) return code;
  const number = constants.signals[`SIG${(signal ?? '').replace(/^SIG/, '')}` as NodeJS.Signals];
  return 128 + (number ?? 0);
}

/** What a command is called in messages: its words, cut at 120 characters. */
export function labelOf(command: Command): string {
  const text = command.join(' ').replace(/\s+/g, ' ');
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
