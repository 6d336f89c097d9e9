import { constants, type Stats } from 'node:fs';
import { access, lstat, open, readdir, readFile, readlink, rename, rm, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { EdgeError, newId } from '../kernel/index.ts';
import { type Account, AccountDatabase } from './accounts.ts';
import type { Command, DirectoryEntry, ExecOptions, ExecResult, FileStat, Host, WriteFileOptions } from './contract.ts';
import { runProcess } from './process.ts';

const DEFAULT_TIMEOUT_MS = 300_000;
const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The umask every command runs with, whatever the daemon's own is. */
const UMASK = 0o022;

/** How a `LocalHost` differs from the machine it runs on; for several hosts on one machine. */
export interface LocalHostOptions {
  /** The id the host has in Edge. */
  readonly id: string;
  /** Added to the defined environment of every command. */
  readonly env?: Readonly<Record<string, string>>;
  /** HOME of commands that run as the daemon's own user; default is the user's. */
  readonly home?: string;
  /** Told of each program that has been started. */
  readonly onStart?: () => void;
}

/** The machine this process runs on. */
export class LocalHost implements Host {
  readonly id: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #home: string | undefined;
  readonly #onStart: (() => void) | undefined;
  readonly #accounts = new AccountDatabase();

  constructor({ id, env = {}, home, onStart }: LocalHostOptions) {
    this.id = id;
    this.#env = env;
    this.#home = home;
    this.#onStart = onStart;
  }

  probe(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    return this.exec(command, options);
  }

  async exec(command: Command, options: ExecOptions = {}): Promise<ExecResult> {
    const own = await this.#ownAccount();
    const account = options.runAs === undefined ? own : await this.#accounts.getUser(options.runAs);
    const env = this.#environment(account, own, options.env ?? {});
    if (options.cwd !== undefined) await this.#requireDirectory(options.cwd);
    await this.#requireProgram(command[0], env.PATH ?? '', options.cwd ?? process.cwd());
    const identity = await this.#identity(withUmask(command), account, own, env);
    return await runProcess({
      ...identity,
      env,
      cwd: options.cwd,
      stdin: options.stdin,
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxOutputBytes: options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES,
      signal: options.signal,
      onStart: this.#onStart,
      label: `${command[0]} on ${this.id}`,
    });
  }

  async readFile(path: string): Promise<Uint8Array> {
    return await this.#onPath('read', path, () => readFile(path));
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return await this.#onPath('look at', path, async () => {
      const found = await ifPresent(() => lstat(path));
      if (found === undefined) return undefined;
      const kind = kindOf(found);
      return {
        kind,
        mode: found.mode & 0o7777,
        user: this.#accounts.userName(found.uid),
        group: this.#accounts.groupName(found.gid),
        uid: found.uid,
        gid: found.gid,
        sizeBytes: found.size,
        modifiedAt: found.mtimeMs,
        ...(kind === 'symlink' ? { linkTarget: await readlink(path) } : {}),
      };
    });
  }

  async list(path: string): Promise<readonly DirectoryEntry[]> {
    const entries = await this.#onPath('list', path, () => readdir(path, { withFileTypes: true }));
    return entries
      .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async writeFile(path: string, content: Uint8Array, { mode, owner, group }: WriteFileOptions): Promise<void> {
    const uid = owner === undefined ? -1 : await this.#accounts.uidOf(owner);
    const gid = group === undefined ? -1 : await this.#accounts.gidOf(group);
    const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${newId()}`);
    await this.#onPath('write', path, async () => {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(content);
        // The owner first: changing it clears the set-user-id bits.
        if (uid !== -1 || gid !== -1)
          await file.chown(uid === -1 ? process.getuid!() : uid, gid === -1 ? process.getgid!() : gid);
        await file.chmod(mode);
        await file.sync();
        await file.close();
        await rename(temporary, path);
      } catch (error) {
        await file.close();
        await unlink(temporary);
        throw error;
      }
    });
  }

  async remove(path: string): Promise<void> {
    // With a trailing slash the kernel would follow a symlink.
    const bare = path.replace(/\/+$/, '');
    if (bare === '' || resolve(bare) === '/')
      throw new EdgeError('EDGE_BAD_ARGUMENT', `will not remove ${path} on ${this.id}`, { path });
    await this.#onPath('remove', bare, () => rm(bare, { recursive: true, force: true }));
  }

  connect(address: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<Duplex> {
    const shown = 'path' in address ? address.path : `${address.host}:${address.port}`;
    return new Promise((done, reject) => {
      const socket = connect('path' in address ? { path: address.path } : { host: address.host, port: address.port });
      const fail = (cause: Error): void => {
        socket.destroy();
        reject(
          new EdgeError(
            'EDGE_HOST_UNREACHABLE',
            `cannot connect to ${shown} from ${this.id}: ${cause.message}`,
            { address: shown },
            {
              hint: 'Check that the service runs and listens there, and that the user may reach it.',
              cause,
            },
          ),
        );
      };
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`)));
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.setTimeout(0);
        socket.removeListener('error', fail);
        done(socket);
      });
    });
  }

  async #ownAccount(): Promise<Account> {
    const uid = process.getuid!();
    const known = await this.#accounts.findUser(uid);
    return known ?? { name: String(uid), uid, gid: process.getgid!(), home: process.env.HOME ?? '/', shell: '/bin/sh' };
  }

  #environment(account: Account, own: Account, extra: Readonly<Record<string, string | null>>): Record<string, string> {
    const isOwn = account.uid === own.uid;
    const env: Record<string, string> = {
      PATH: DEFAULT_PATH,
      HOME: (isOwn ? this.#home : undefined) ?? account.home,
      USER: account.name,
      LOGNAME: account.name,
      SHELL: account.shell,
      LANG: 'C.UTF-8',
      ...this.#env,
    };
    for (const [name, value] of Object.entries(extra)) {
      if (value === null) delete env[name];
      else env[name] = value;
    }
    return env;
  }

  /**
   * How to become `account`. `setpriv` gives the user's supplementary groups too; where it is missing the kernel's own
   * calls set user and group and drop the others.
   */
  async #identity(
    command: Command,
    account: Account,
    own: Account,
    env: Readonly<Record<string, string>>,
  ): Promise<{ command: Command; uid?: number; gid?: number }> {
    if (account.uid === own.uid) return { command };
    if (own.uid !== 0)
      throw new EdgeError(
        'EDGE_PERMISSION_DENIED',
        `${own.name} may not run commands as ${account.name} on ${this.id}`,
        { runAs: account.name },
        {
          hint: 'Run the agent as root, or leave runas out.',
        },
      );
    const setpriv = await findProgram('setpriv', env.PATH ?? DEFAULT_PATH, '/');
    if (setpriv === undefined) return { command, uid: account.uid, gid: account.gid };
    return {
      command: [setpriv, `--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups', '--', ...command],
    };
  }

  async #requireDirectory(cwd: string): Promise<void> {
    const found = await this.#onPath('enter', cwd, () => stat(cwd));
    if (!found.isDirectory())
      throw new EdgeError('EDGE_FILE_NOT_FOUND', `working directory ${cwd} on ${this.id} is not a directory`, {
        path: cwd,
      });
  }

  async #requireProgram(program: string, path: string, cwd: string): Promise<void> {
    if ((await findProgram(program, path, cwd)) !== undefined) return;
    throw new EdgeError(
      'EDGE_COMMAND_NOT_FOUND',
      `no program ${program} on ${this.id}`,
      { program, path },
      {
        hint: `Install it on ${this.id}, or give its full path.`,
      },
    );
  }

  async #onPath<T>(verb: string, path: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw pathError(error, verb, path, this.id);
    }
  }
}

/** An error of the file system in the words of the contract; anything else is handed on as it is. */
function pathError(error: unknown, verb: string, path: string, id: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const details = { path, host: id };
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new EdgeError('EDGE_FILE_NOT_FOUND', `cannot ${verb} ${path} on ${id}: it does not exist`, details, {
      hint: 'Check the path and that its directory exists.',
      cause: error,
    });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new EdgeError(
      'EDGE_PERMISSION_DENIED',
      `cannot ${verb} ${path} on ${id}: ${(error as Error).message}`,
      details,
      {
        hint: 'Run as a user who may, or change the permissions.',
        cause: error,
      },
    );
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new EdgeError('EDGE_DISK_FULL', `cannot ${verb} ${path} on ${id}: ${(error as Error).message}`, details, {
      hint: 'Make room there (`df -h`, `df -i`); the old content was left as it was.',
      cause: error,
    });
  if (code === undefined || error instanceof EdgeError) return error;
  return new EdgeError('EDGE_COMMAND_FAILED', `cannot ${verb} ${path} on ${id}: ${(error as Error).message}`, details, {
    cause: error,
  });
}

async function ifPresent<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function findProgram(program: string, path: string, cwd: string): Promise<string | undefined> {
  const candidates = program.includes('/') ? [resolve(cwd, program)] : path.split(':').map((dir) => join(dir, program));
  for (const candidate of candidates) {
    const found = await ifPresent(() => stat(candidate)).catch(() => undefined);
    if (found?.isFile() && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function withUmask(command: Command): Command {
  return process.umask() === UMASK ? command : ['/bin/sh', '-c', 'umask 022; exec "$@"', 'sh', ...command];
}

function kindOf(
  entry: Pick<Stats, 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice'>,
): FileStat['kind'] {
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isDirectory()) return 'directory';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  if (entry.isBlockDevice()) return 'block';
  return entry.isCharacterDevice() ? 'char' : 'file';
}
