import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { DirectoryEntry, ExecResult, FileStat, FoundPath, WriteFileOptions } from '@edge-run/shared/host';
import { deadline, EdgeError, type ErrorCode } from '@edge-run/shared/kernel';
import type { Become } from './become.ts';
import type { Connection } from './connection.ts';
import { connectionLost } from './errors.ts';
import { asOperand, parseFacts, parseList, parseLook, parseRead } from './look.ts';
import { printed, quote } from './script.ts';
import { SessionEnded } from './session-ended.ts';
import type { ShellSessions } from './sessions.ts';
import { FileTransfer } from './sftp.ts';

/** Whole files are read up to this size. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
/** Content up to this goes to the host as part of a script, four characters for each byte that is not plain. */
const MAX_INLINE_BYTES = 32 * 1024;
const TIMEOUT_MS = 300_000;
const MAX_TRIES = 3;

/**
 * The files of a host. Small ones go through the shells, a question each; large ones by SFTP where the host has it and
 * the login user is the one who works there, and through a shell's input where not.
 */
export class SshFiles {
  readonly #id: string;
  readonly #connection: Connection;
  readonly #sessions: ShellSessions;
  readonly #transfer: FileTransfer;
  readonly #become: (signal: AbortSignal) => Promise<Become>;

  constructor(connection: Connection, sessions: ShellSessions, become: (signal: AbortSignal) => Promise<Become>) {
    this.#id = connection.target.id;
    this.#connection = connection;
    this.#sessions = sessions;
    this.#transfer = new FileTransfer(connection);
    this.#become = become;
  }

  async read(path: string): Promise<Uint8Array> {
    return this.#within('read', path, async (become, signal) => {
      const script = `edge_read ${quote(asOperand(path))}`;
      const looked = await this.#look({ verb: 'read', path, become, script, signal });
      const found = parseRead(looked.stdoutBytes);
      if (typeof found !== 'number') return found;
      if (found > MAX_FILE_BYTES)
        throw this.#error('EDGE_COMMAND_FAILED', 'read', path, `over ${MAX_FILE_BYTES} bytes`);
      if (become.kind === 'login' && found > 0) {
        const content = await this.#transfer.read(path, found, signal);
        if (content !== undefined) return content;
      }
      const input = { kind: 'none' } as const;
      const scriptFor = (): string => `LC_ALL=C; export LC_ALL; exec cat ${quote(asOperand(path))}`;
      const bounds = { maxBytes: MAX_FILE_BYTES, signal };
      const { result } = await this.#repeated(path, () => this.#sessions.run({ become, scriptFor, input }, bounds));
      return this.#succeeded('read', path, result).stdoutBytes;
    });
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return this.#within('look at', path, async (become, signal) => {
      const script = `LC_ALL=C; export LC_ALL; edge_facts ${quote(asOperand(path))}`;
      return parseFacts((await this.#look({ verb: 'look at', path, become, script, signal })).stdout);
    });
  }

  async look(path: string, { followLinks }: { readonly followLinks: boolean }): Promise<FoundPath> {
    return this.#within('look at', path, async (become, signal) => {
      const script = `edge_look ${quote(asOperand(path))} ${followLinks ? 'end' : 'link'}`;
      const { stdoutBytes } = await this.#look({ verb: 'look at', path, become, script, signal });
      return parseLook(path, stdoutBytes);
    });
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    return this.#within('list', path, async (become, signal) => {
      const script = `edge_list ${quote(asOperand(path))}`;
      return parseList((await this.#look({ verb: 'list', path, become, script, signal })).stdout);
    });
  }

  async write(path: string, content: Uint8Array, options: WriteFileOptions): Promise<void> {
    await this.#within('write', path, async (become, signal) => {
      const goal = goalOf(path, content, options);
      if (content.length <= MAX_INLINE_BYTES) {
        const script = `${printed(content)} | edge_write ${goal}`;
        await this.#change({ verb: 'write', path, become, script, signal });
      } else if (!(become.kind === 'login' && (await this.#transferred(path, content, options, signal)))) {
        const input = { kind: 'bytes', bytes: content } as const;
        const command = { become, scriptFor: () => `edge_write ${goal}`, input };
        const bounds = { maxBytes: MAX_SAID_BYTES, signal };
        const { result } = await this.#once(path, () => this.#sessions.run(command, bounds));
        this.#succeeded('write', path, result);
      }
    });
  }

  async remove(path: string): Promise<void> {
    // With a trailing slash the symlink would be followed.
    const bare = path.replace(/\/+$/, '');
    if (bare === '' || posix.resolve('/', bare) === '/')
      throw new EdgeError('EDGE_BAD_ARGUMENT', `will not remove ${path} on ${this.#id}`, { path, host: this.#id });
    await this.#within('remove', bare, async (become, signal) => {
      const script = `edge_remove ${quote(asOperand(bare))}`;
      await this.#change({ verb: 'remove', path: bare, become, script, signal });
    });
  }

  close(): void {
    this.#transfer.close();
  }

  /** False when the host's file transfer cannot do it; then nothing has been left behind. */
  async #transferred(
    path: string,
    content: Uint8Array,
    { mode, owner, group }: WriteFileOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!this.#transfer.isAvailable) return false;
    const temporary = posix.join(posix.dirname(path), `.edge-${randomBytes(8).toString('hex')}`);
    if ((await this.#transfer.write(temporary, content, signal)) !== true) return false;
    const become: Become = { kind: 'login' };
    const words = [asOperand(temporary), asOperand(path), ownership(owner, group), mode.toString(8), content.length];
    const script = `[ -f ${quote(temporary)} ] || exit ${NOT_THERE}
trap ${quote(`rm -f ${quote(asOperand(temporary))}`)} EXIT
edge_place ${words.map((word) => quote(String(word))).join(' ')}`;
    const { result } = await this.#once(path, () =>
      this.#sessions.look(become, script, { maxBytes: MAX_SAID_BYTES, signal }),
    ).catch((error: unknown) => {
      // The temporary file is there.
      throw this.#connection.isNotConnected(error) ? connectionLost(this.#id, `writing ${path}`, error) : error;
    });
    if (result.exitCode === NOT_THERE) {
      // Its transfer shows another part of the file system than its shell.
      this.#transfer.giveUp();
      return false;
    }
    this.#succeeded('write', path, result);
    return true;
  }

  async #within<T>(verb: string, path: string, work: (become: Become, signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = deadline(TIMEOUT_MS, `to ${verb} ${path} on ${this.#id}`);
    try {
      return await work(await this.#become(limit.signal), limit.signal);
    } finally {
      limit.dispose();
    }
  }

  async #look({ verb, path, become, script, signal }: Script): Promise<ExecResult> {
    const bounds = { maxBytes: MAX_FILE_BYTES, signal };
    const { result } = await this.#repeated(path, () => this.#sessions.look(become, script, bounds));
    return this.#succeeded(verb, path, result);
  }

  async #change({ verb, path, become, script, signal }: Script): Promise<void> {
    const bounds = { maxBytes: MAX_SAID_BYTES, signal };
    const { result } = await this.#once(path, () => this.#sessions.look(become, script, bounds));
    this.#succeeded(verb, path, result);
  }

  /** For what changes nothing: asked again in another shell. */
  #repeated<T>(what: string, ask: () => Promise<T>): Promise<T> {
    return this.#tried(what, ask, () => true);
  }

  /** For what changes something: asked again only when it has not begun. */
  #once<T>(what: string, ask: () => Promise<T>): Promise<T> {
    return this.#tried(what, ask, ({ wasRunning }) => !wasRunning);
  }

  async #tried<T>(what: string, ask: () => Promise<T>, mayRepeat: (end: SessionEnded) => boolean): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof SessionEnded)) throw error;
        if (tries === MAX_TRIES || !mayRepeat(error)) throw connectionLost(this.#id, what, error);
      }
    }
  }

  #succeeded(verb: string, path: string, result: ExecResult): ExecResult {
    const { stderr, exitCode } = result;
    if (exitCode === 0) return result;
    const said = stderr.trim().split('\n')[0] ?? '';
    if (/no such file|not a directory|nonexistent/i.test(said))
      throw this.#error('EDGE_FILE_NOT_FOUND', verb, path, 'it does not exist');
    if (/permission denied|not permitted|read-only file system/i.test(said))
      throw this.#error('EDGE_PERMISSION_DENIED', verb, path, said);
    if (/no space left|quota exceeded/i.test(said)) throw this.#error('EDGE_DISK_FULL', verb, path, said);
    throw this.#error('EDGE_COMMAND_FAILED', verb, path, said || `exit code ${exitCode}`);
  }

  #error(code: ErrorCode, verb: string, path: string, why: string): EdgeError {
    const hint = HINTS[code] ?? 'Check the path and that its directory exists.';
    return new EdgeError(code, `cannot ${verb} ${path} on ${this.#id}: ${why}`, { path, host: this.#id }, { hint });
  }
}

interface Script {
  readonly verb: string;
  readonly path: string;
  readonly become: Become;
  readonly script: string;
  readonly signal: AbortSignal;
}

/** How much of what a script says of a failure is kept. */
const MAX_SAID_BYTES = 64 * 1024;
/** Exit code for a temporary file that the shell does not see. */
const NOT_THERE = 9;

const HINTS: Partial<Record<ErrorCode, string>> = {
  EDGE_PERMISSION_DENIED: 'Log in as a user who may, or set `sudo: True` in the roster.',
  EDGE_DISK_FULL: 'Make room there (`df -h`, `df -i`); the old content was left as it was.',
};

/** The words of `edge_write`. */
function goalOf(path: string, content: Uint8Array, { mode, owner, group }: WriteFileOptions): string {
  const name = randomBytes(8).toString('hex');
  const words = [asOperand(path), ownership(owner, group), mode.toString(8), String(content.length), name];
  return words.map(quote).join(' ');
}

/** As `chown` takes it; empty leaves the owner. */
function ownership(owner: string | undefined, group: string | undefined): string {
  return owner === undefined && group === undefined ? '' : `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
}
