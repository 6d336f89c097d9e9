import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Duplex } from 'node:stream';
import type {
  Command,
  DirectoryEntry,
  ExecOptions,
  ExecResult,
  FileStat,
  Host,
  WriteFileOptions,
} from '@edge-run/shared/host';
import { deadline, EdgeError, type ErrorCode } from '@edge-run/shared/kernel';
import { DEFAULT_OUTPUT_BYTES, DEFAULT_TIMEOUT_MS, labelOf, type Obstacle, runOnChannel } from './command.ts';
import type { Connection } from './connection.ts';
import {
  asOperand,
  LIST_SCRIPT,
  parseList,
  parseStat,
  READ_SCRIPT,
  REMOVE_SCRIPT,
  STAT_SCRIPT,
  WRITE_SCRIPT,
} from './look.ts';
import { type Become, commandScript, MARK } from './script.ts';
import { type Identity, SessionEnded, ShellSession } from './session.ts';
import { ShellSessions } from './sessions.ts';

/** Whole files are read up to this size. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
/** A script longer than this gets a channel of its own: its shell reads it at once. */
const MAX_FRAME_BYTES = 64 * 1024;

/** A host reached over SSH. It needs a POSIX `sh` and the usual small programs, nothing of ours. */
export class SshHost implements Host {
  readonly id: string;
  readonly #connection: Connection;
  readonly #sessions: ShellSessions;
  #login: Identity | undefined;

  constructor(connection: Connection, maxSessions: number) {
    this.id = connection.target.id;
    this.#connection = connection;
    this.#sessions = new ShellSessions(connection, connection.target.password, maxSessions);
  }

  /** Short commands that only look share long-lived shells; asked again when the connection breaks under them. */
  async probe(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#checked(command, options, await this.#look(command, options));
  }

  /** Each command has a channel of its own. @throws EdgeError `EDGE_SSH_CONNECTION_LOST` when its end is unknown */
  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#checked(command, options, await this.#runOnce(command, options));
  }

  async readFile(path: string): Promise<Uint8Array> {
    const result = await this.#script('read', path, READ_SCRIPT, [], { maxOutputBytes: MAX_FILE_BYTES });
    if (result.truncated) throw this.#pathError('EDGE_COMMAND_FAILED', 'read', path, `over ${MAX_FILE_BYTES} bytes`);
    return result.stdoutBytes;
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return parseStat((await this.#script('look at', path, STAT_SCRIPT)).stdout);
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    return parseList((await this.#script('list', path, LIST_SCRIPT)).stdout);
  }

  async writeFile(path: string, content: Uint8Array, { mode, owner, group }: WriteFileOptions): Promise<void> {
    const ownership =
      owner === undefined && group === undefined ? '' : `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
    const args = [ownership, mode.toString(8), String(content.length), randomBytes(8).toString('hex')];
    await this.#script('write', path, WRITE_SCRIPT, args, { stdin: content });
  }

  async remove(path: string): Promise<void> {
    // With a trailing slash the symlink would be followed.
    const bare = path.replace(/\/+$/, '');
    if (bare === '' || posix.resolve('/', bare) === '/')
      throw new EdgeError('EDGE_BAD_ARGUMENT', `will not remove ${path} on ${this.id}`, { path, host: this.id });
    await this.#script('remove', bare, REMOVE_SCRIPT, [], {}, 'write');
  }

  connect(address: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<Duplex> {
    return 'path' in address ? this.#connection.forwardUnix(address.path) : this.#connection.forwardTcp(address);
  }

  /** Ends the shells of this host; the connection belongs to the fleet. */
  close(): void {
    this.#sessions.close();
  }

  async #look(command: Command, options: ExecOptions): Promise<Ended> {
    if (options.stdin !== undefined || options.runAs !== undefined) return this.#lookOnChannel(command, options);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, maxOutputBytes: maxBytes = DEFAULT_OUTPUT_BYTES, signal: parent } = options;
    const script = commandScript(command, options, 'KEY');
    if (script.length > MAX_FRAME_BYTES) return this.#lookOnChannel(command, options);
    const limit = deadline(timeoutMs, `\`${labelOf(command)}\` on ${this.id}`, parent);
    try {
      const become = await this.#become(undefined, limit.signal);
      return await this.#sessions.withSession(become, limit.signal, (session) =>
        session.run((key) => commandScript(command, options, key), { maxBytes, signal: limit.signal }),
      );
    } catch (error) {
      if (!(error instanceof SessionEnded)) throw error;
    } finally {
      limit.dispose();
    }
    return this.#lookOnChannel(command, options);
  }

  async #lookOnChannel(command: Command, options: ExecOptions): Promise<Ended> {
    try {
      return await this.#runOnce(command, options);
    } catch (error) {
      // It changes nothing, so it may run twice.
      if (error instanceof EdgeError && error.code === 'EDGE_SSH_CONNECTION_LOST')
        return this.#runOnce(command, options);
      throw error;
    }
  }

  async #runOnce(command: Command, options: ExecOptions): Promise<Ended> {
    const key = randomBytes(16).toString('hex');
    const script = commandScript(command, options, key);
    const limit = deadline(
      options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      `\`${labelOf(command)}\` on ${this.id}`,
      options.signal,
    );
    try {
      const become = await this.#become(options.runAs, limit.signal);
      const { password } = this.#connection.target;
      return await runOnChannel(this.#connection, {
        label: labelOf(command),
        script,
        become,
        password,
        key,
        options: { ...options, signal: limit.signal },
      });
    } finally {
      limit.dispose();
    }
  }

  /** How to become the user a command runs as; asks the host once who the login user is, where that matters. */
  async #become(runAs: string | undefined, signal: AbortSignal): Promise<Become> {
    const { sudo, sudoUser, user, password } = this.#connection.target;
    const wanted = runAs ?? (sudo ? sudoUser : undefined);
    if (wanted === undefined || wanted === user) return { kind: 'login' };
    const isRoot = user === 'root' || (await this.#loginIdentity(signal)).uid === 0;
    if (!isRoot) return { kind: 'sudo', user: wanted, password: password !== undefined };
    return wanted === 'root' ? { kind: 'login' } : { kind: 'su', user: wanted };
  }

  async #loginIdentity(signal: AbortSignal): Promise<Identity> {
    if (this.#login === undefined) {
      const session = await ShellSession.start(this.#connection, { kind: 'login' }, undefined, signal);
      this.#login = session.identity;
      session.end();
    }
    return this.#login;
  }

  async #script(
    verb: string,
    path: string,
    script: string,
    args: readonly string[] = [],
    options: ExecOptions = {},
    access: 'look' | 'write' = options.stdin === undefined ? 'look' : 'write',
  ): Promise<ExecResult> {
    const command: Command = ['sh', '-c', script, 'sh', asOperand(path), ...args];
    const { result } = access === 'look' ? await this.#look(command, options) : await this.#runOnce(command, options);
    if (result.exitCode !== 0) throw this.#failed(verb, path, result);
    return result;
  }

  #failed(verb: string, path: string, { stderr, exitCode }: ExecResult): EdgeError {
    const said = stderr.trim().split('\n')[0] ?? '';
    if (/no such file|not a directory|nonexistent/i.test(said))
      return this.#pathError('EDGE_FILE_NOT_FOUND', verb, path, 'it does not exist');
    if (/permission denied|not permitted|read-only file system/i.test(said))
      return this.#pathError('EDGE_PERMISSION_DENIED', verb, path, said);
    return this.#pathError('EDGE_COMMAND_FAILED', verb, path, said || `exit code ${exitCode}`);
  }

  #pathError(code: ErrorCode, verb: string, path: string, why: string): EdgeError {
    const hint =
      code === 'EDGE_PERMISSION_DENIED'
        ? 'Log in as a user who may, or set `sudo: True` in the roster.'
        : 'Check the path and that its directory exists.';
    return new EdgeError(code, `cannot ${verb} ${path} on ${this.id}: ${why}`, { path, host: this.id }, { hint });
  }

  #checked([program]: Command, { cwd, env }: ExecOptions, { result, obstacle }: Ended): ExecResult {
    if (obstacle === MARK.noDirectory)
      throw this.#pathError('EDGE_FILE_NOT_FOUND', 'enter', cwd ?? '', 'it is no directory, or not open to the user');
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

interface Ended {
  readonly result: ExecResult;
  readonly obstacle: Obstacle | undefined;
}
