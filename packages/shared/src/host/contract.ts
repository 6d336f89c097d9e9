import type { Duplex } from 'node:stream';

/** A program and its arguments; never a shell line. Shells are asked for by name: `['sh', '-c', CONSTANT, …]`. */
export type Command = readonly [string, ...string[]];

/** How a command is run. */
export interface ExecOptions {
  /** Default 300,000. Expiry kills the whole process group and throws `EDGE_DEADLINE`. */
  readonly timeoutMs?: number;
  /** User to run as; needs root (or sudo where the host is reached so). */
  readonly runAs?: string;
  readonly cwd?: string;
  /** Added to the host's defined environment (PATH, HOME, USER, LANG=C.UTF-8); null removes a name. */
  readonly env?: Readonly<Record<string, string | null>>;
  readonly stdin?: string | Uint8Array;
  /** Bound of stdout and of stderr each; more is cut and `truncated` set. Default 16 MiB. */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

/** How a command ended. A non-zero exit is a result, not an error. */
export interface ExecResult {
  /** 128 + signal number when a signal ended it. */
  readonly exitCode: number;
  /** UTF-8 text; invalid bytes become U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  /** stdout byte for byte. */
  readonly stdoutBytes: Uint8Array;
  /** True when output was cut at `maxOutputBytes`. */
  readonly truncated: boolean;
}

/** What a host says of a file without opening it. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'block' | 'char';
  /** Permission bits, `0o755`. */
  readonly mode: number;
  readonly user: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Target of a symlink, as written. */
  readonly linkTarget?: string;
}

/** One name in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileStat['kind'];
}

/** What is at a path, or at the end of its symlinks. */
export interface FoundPath {
  /** The path itself where it is no symlink, or one that leads nowhere. */
  readonly path: string;
  /** Undefined: does not exist. */
  readonly stat: FileStat | undefined;
  /** Of a regular file; undefined where it is too large to come along. */
  readonly content?: Uint8Array;
}

/** Looks at a host and promises to change nothing. */
export interface HostReader {
  /** The id the host has in Edge. */
  readonly id: string;
  /** Runs a command that changes nothing. @throws EdgeError `EDGE_COMMAND_NOT_FOUND` when the program is missing. */
  probe(command: Command, options?: ExecOptions): Promise<ExecResult>;
  /** @throws EdgeError `EDGE_FILE_NOT_FOUND`, `EDGE_PERMISSION_DENIED` */
  readFile(path: string): Promise<Uint8Array>;
  /** Of the path itself: a symlink is not followed. Undefined: does not exist. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Like `stat`, and brings the content of small files along: where that saves round trips. */
  look?(path: string, options: { readonly followLinks: boolean }): Promise<FoundPath>;
  /** Entries by name, sorted. @throws EdgeError `EDGE_FILE_NOT_FOUND` */
  list(path: string): Promise<readonly DirectoryEntry[]>;
  /**
   * Another number after each command and each write, whoever asked this object for it; undefined while one is under
   * way. Between two equal ones nothing was done to the host from here.
   */
  revision?(): number | undefined;
  /** Opens a connection from the host: to a unix socket's path, or host and port. Where the transport can. */
  connect?(address: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<Duplex>;
}

/** How a file is written. */
export interface WriteFileOptions {
  /** Permission bits of the new file. */
  readonly mode: number;
  readonly owner?: string;
  readonly group?: string;
}

/** A host that may be changed; only the runner hands it to `Change.apply` and write functions. */
export interface Host extends HostReader {
  exec(command: Command, options?: ExecOptions): Promise<ExecResult>;
  /** Atomic: a temporary file beside it with final mode and owner, then a rename. The directory must exist. */
  writeFile(path: string, content: Uint8Array, options: WriteFileOptions): Promise<void>;
  /** Removes a file or a whole directory; absent is fine. Never follows symlinks. */
  remove(path: string): Promise<void>;
}
