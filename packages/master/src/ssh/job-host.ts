import type { Duplex } from 'node:stream';
import type {
  Command,
  DirectoryEntry,
  ExecOptions,
  ExecResult,
  FileStat,
  FoundPath,
  Host,
  WriteFileOptions,
} from '@edge-run/shared/host';
import { type EdgeError, errorMessage, toErrorRecord } from '@edge-run/shared/kernel';
import { lostForGood } from './errors.ts';

/** How a job ended, as far as the connection can change it. */
interface JobEnd {
  readonly outcome: string;
  readonly error?: unknown;
}

/** A host reached over a connection that can be lost for good. */
export type ConnectedHost = Host &
  Required<Pick<Host, 'look' | 'connect' | 'revision'>> & {
    /** True for an error that says no connection could be made: nothing of what was asked for has begun. */
    isNotConnected(error: unknown): error is EdgeError;
  };

/**
 * A host as one job sees it: notes whether anything of the job reached the host. When no connection can be made any more,
 * that decides between a host that was unreachable and a job of which nobody knows how far it came.
 */
export class JobHost implements Host {
  readonly id: string;
  readonly #host: ConnectedHost;
  /** Something was answered, or may have begun there. */
  #hasReached = false;
  #lost: EdgeError | undefined;

  constructor(host: ConnectedHost) {
    this.id = host.id;
    this.#host = host;
  }

  probe(command: Command, options?: ExecOptions): Promise<ExecResult> {
    return this.#ask(command.join(' '), () => this.#host.probe(command, options));
  }

  exec(command: Command, options?: ExecOptions): Promise<ExecResult> {
    return this.#ask(command.join(' '), () => this.#host.exec(command, options));
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#ask(`reading ${path}`, () => this.#host.readFile(path));
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#ask(`looking at ${path}`, () => this.#host.stat(path));
  }

  list(path: string): Promise<readonly DirectoryEntry[]> {
    return this.#ask(`listing ${path}`, () => this.#host.list(path));
  }

  look(path: string, options: { readonly followLinks: boolean }): Promise<FoundPath> {
    return this.#ask(`looking at ${path}`, () => this.#host.look(path, options));
  }

  writeFile(path: string, content: Uint8Array, options: WriteFileOptions): Promise<void> {
    return this.#ask(`writing ${path}`, () => this.#host.writeFile(path, content, options));
  }

  remove(path: string): Promise<void> {
    return this.#ask(`removing ${path}`, () => this.#host.remove(path));
  }

  connect(address: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<Duplex> {
    return this.#ask('connecting from there', () => this.#host.connect(address));
  }

  /** Others may be at work there too, so it is the host's own. */
  revision(): number | undefined {
    return this.#host.revision();
  }

  /**
   * The end of a job that used this host: `unreachable` when it failed because no connection could be made before anything
   * reached the host; with `EDGE_SSH_CONNECTION_LOST` when something had, and the job has no error of its own.
   */
  judge<End extends JobEnd>(end: End): End | JobUnreachable {
    if (this.#lost === undefined || end.outcome !== 'failed') return end;
    if (!this.#hasReached) return unreachable(this.#lost);
    return end.error === undefined ? { ...end, error: toErrorRecord(this.#lost) } : end;
  }

  async #ask<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.#hasReached = true;
      return answer;
    } catch (error) {
      if (!this.#host.isNotConnected(error)) {
        this.#hasReached = true;
        throw error;
      }
      const lost = this.#hasReached ? lostForGood(this.id, what, error) : error;
      this.#lost = lost;
      throw lost;
    }
  }
}

/** The end of a job of a host that could not be reached. */
export interface JobUnreachable {
  readonly outcome: 'unreachable';
  readonly ret: string;
  readonly retcode: number;
  readonly error: ReturnType<typeof toErrorRecord>;
}

/** Nothing of the job has run, because of this error. */
export function unreachable(error: unknown): JobUnreachable {
  return { outcome: 'unreachable', ret: errorMessage(error), retcode: 255, error: toErrorRecord(error) };
}
