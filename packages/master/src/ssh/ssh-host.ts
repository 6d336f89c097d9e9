import type { Duplex } from 'node:stream';
import type {
  Command,
  DirectoryEntry,
  ExecOptions,
  ExecResult,
  FileStat,
  FoundPath,
  WriteFileOptions,
} from '@edge-run/shared/host';
import { deadline, EdgeError } from '@edge-run/shared/kernel';
import { type Become, becomeFor } from './become.ts';
import type { Connection } from './connection.ts';
import { connectionLost, shortened } from './errors.ts';
import type { Ended } from './frame.ts';
import type { ConnectedHost } from './job-host.ts';
import { commandScript, type FrameInput, MARK } from './script.ts';
import { SessionEnded } from './session-ended.ts';
import { type ShellCommand, ShellSessions } from './sessions.ts';
import { SshFiles } from './ssh-files.ts';

/** Default of `ExecOptions.timeoutMs`. */
const DEFAULT_TIMEOUT_MS = 300_000;
/** Default of `ExecOptions.maxOutputBytes`. */
const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;
/** How often a command that has not begun, or only looks, is given to another shell. */
const MAX_TRIES = 3;

/** A host reached over SSH. It needs a POSIX `sh` and the usual small programs, nothing of ours. */
export class SshHost implements ConnectedHost {
  readonly id: string;
  readonly #connection: Connection;
  readonly #sessions: ShellSessions;
  readonly #files: SshFiles;
  #isLoginRoot: boolean | undefined;
  /** Rises with everything that may have changed the host. */
  #revision = 0;
  #changing = 0;

  constructor(connection: Connection) {
    this.id = connection.target.id;
    this.#connection = connection;
    this.#sessions = new ShellSessions(connection);
    this.#files = new SshFiles(connection, this.#sessions, (signal) => this.#become(undefined, signal));
  }

  /** Resolves when the host has just answered; connects anew where the kept connection is dead. @throws as connecting */
  answering(signal?: AbortSignal): Promise<void> {
    return this.#connection.answering(signal);
  }

  isNotConnected(error: unknown): error is EdgeError {
    return this.#connection.isNotConnected(error);
  }

  /** Asked again when its shell or the connection breaks under it: it changes nothing. */
  probe(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#changed(() => this.#run(command, options, () => true));
  }

  /** @throws EdgeError `EDGE_SSH_CONNECTION_LOST` when its end is unknown, besides what the contract says */
  exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#changed(() => this.#run(command, options, ({ wasRunning }) => !wasRunning));
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#files.read(path);
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#files.stat(path);
  }

  list(path: string): Promise<readonly DirectoryEntry[]> {
    return this.#files.list(path);
  }

  look(path: string, options: { readonly followLinks: boolean }): Promise<FoundPath> {
    return this.#files.look(path, options);
  }

  writeFile(path: string, content: Uint8Array, options: WriteFileOptions): Promise<void> {
    return this.#changed(() => this.#files.write(path, content, options));
  }

  remove(path: string): Promise<void> {
    return this.#changed(() => this.#files.remove(path));
  }

  connect(address: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<Duplex> {
    return this.#changed(() =>
      'path' in address ? this.#connection.forwardUnix(address.path) : this.#connection.forwardTcp(address),
    );
  }

  /** Probes count too: what they run is not ours. */
  revision(): number | undefined {
    return this.#changing > 0 ? undefined : this.#revision;
  }

  /** Ends the shells of this host; the connection belongs to the fleet. */
  close(): void {
    this.#files.close();
    this.#sessions.close();
  }

  async #changed<T>(work: () => Promise<T>): Promise<T> {
    this.#changing += 1;
    this.#revision += 1;
    try {
      return await work();
    } finally {
      this.#changing -= 1;
    }
  }

  async #run(command: Command, options: ExecOptions, mayRepeat: (end: SessionEnded) => boolean): Promise<ExecResult> {
    const label = shortened(command.join(' '));
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const limit = deadline(timeoutMs, `\`${label}\` on ${this.id}`, options.signal);
    try {
      const become = await this.#become(options.runAs, limit.signal);
      const { target } = this.#connection;
      const scriptFor = (key: string): string => commandScript(command, options, key, target);
      const shellCommand: ShellCommand = { become, scriptFor, input: inputOf(options) };
      const bounds = { maxBytes: options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES, signal: limit.signal };
      for (let tries = 1; ; tries += 1) {
        try {
          return this.#checked(command, options, await this.#sessions.run(shellCommand, bounds));
        } catch (error) {
          if (!(error instanceof SessionEnded)) throw error;
          if (tries === MAX_TRIES || !mayRepeat(error)) throw connectionLost(this.id, label, error);
        }
      }
    } finally {
      limit.dispose();
    }
  }

  /** How to become the user a command runs as; asks the host once who the login user is, where that matters. */
  #become(runAs: string | undefined, signal: AbortSignal): Promise<Become> {
    return becomeFor(this.#connection.target, runAs, async () => {
      this.#isLoginRoot ??= (await this.#sessions.identity(signal)).uid === 0;
      return this.#isLoginRoot;
    });
  }

  #checked([program]: Command, { cwd, env }: ExecOptions, { result, obstacle }: Ended): ExecResult {
    if (obstacle === MARK.noDirectory)
      throw new EdgeError(
        'EDGE_FILE_NOT_FOUND',
        `cannot enter ${cwd} on ${this.id}: it is no directory, or not open to the user`,
        { path: cwd ?? '', host: this.id },
        { hint: 'Check the path and that it exists.' },
      );
    if (obstacle === MARK.noProgram)
      throw new EdgeError(
        'EDGE_COMMAND_NOT_FOUND',
        `no program ${program} on ${this.id}`,
        { program, host: this.id, ...(env?.PATH ? { path: env.PATH } : {}) },
        { hint: `Install it on ${this.id}, or give its full path.` },
      );
    return result;
  }
}

function inputOf({ stdin }: ExecOptions): Exclude<FrameInput, { kind: 'rest' }> {
  if (stdin === undefined || stdin.length === 0) return { kind: 'none' };
  return { kind: 'bytes', bytes: typeof stdin === 'string' ? Buffer.from(stdin) : stdin };
}
