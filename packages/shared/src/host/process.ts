import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { cancelled, EdgeError } from '../kernel/index.ts';
import type { Command, ExecResult } from './contract.ts';

/** How long a group may take to end after SIGTERM before SIGKILL. */
const KILL_AFTER_MS = 1_000;
/** How long output is still awaited once the program itself has ended: a background child may hold the pipe for ever. */
const DRAIN_MS = 500;

/** Everything one process is started with; environment and identity are final. */
export interface ProcessRequest {
  readonly command: Command;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly uid?: number;
  readonly gid?: number;
  readonly stdin: string | Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Called once the process runs. */
  readonly onStart: (() => void) | undefined;
  /** How messages name the command. */
  readonly label: string;
}

/**
 * Runs one process as the leader of its own session and process group and collects its output within bounds.
 *
 * @throws EdgeError `EDGE_DEADLINE` when `timeoutMs` is over and `EDGE_CANCELLED` on abort, in both cases after the whole
 * group was killed; `EDGE_PERMISSION_DENIED` when it may not be started.
 */
export function runProcess(request: ProcessRequest): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    if (request.signal?.aborted) {
      reject(cancelled(request.signal));
      return;
    }
    const child = start(request);
    if (request.onStart !== undefined) child.once('spawn', request.onStart);
    const stdout = collect(child.stdout!, request.maxOutputBytes);
    const stderr = collect(child.stderr!, request.maxOutputBytes);
    const watch = new GroupWatch(child, request);
    let exitCode: number | undefined;
    let drain: NodeJS.Timeout | undefined;

    const finish = (): void => {
      clearTimeout(drain);
      watch.dispose();
      child.stdout?.destroy();
      child.stderr?.destroy();
      if (watch.failure !== undefined) {
        reject(watch.failure);
        return;
      }
      const stdoutBytes = stdout.bytes();
      resolve({
        exitCode: exitCode ?? 1,
        stdout: stdoutBytes.toString('utf8'),
        stderr: stderr.bytes().toString('utf8'),
        stdoutBytes,
        truncated: stdout.truncated() || stderr.truncated(),
      });
    };
    // Output that still flows is waited for; the turn of the loop after the timer lets a busy process read first.
    const awaitOutput = (): void => {
      const seen = stdout.sizeBytes() + stderr.sizeBytes();
      const look = (): void => (stdout.sizeBytes() + stderr.sizeBytes() > seen ? awaitOutput() : finish());
      drain = setTimeout(() => setImmediate(look), DRAIN_MS);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      watch.dispose();
      reject(startError(error, request));
    });
    child.once('exit', (code, signal) => {
      exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      awaitOutput();
    });
    child.once('close', finish);
    child.stdin!.on('error', () => {
      // The program ended, or closed its input, without reading all of it: its exit code tells the story.
    });
    child.stdin!.end(request.stdin ?? '');
  });
}

function start(request: ProcessRequest): ChildProcess {
  const [program, ...args] = request.command;
  return spawn(program, args, {
    cwd: request.cwd,
    env: request.env,
    detached: true,
    stdio: 'pipe',
    ...(request.uid === undefined ? {} : { uid: request.uid }),
    ...(request.gid === undefined ? {} : { gid: request.gid }),
  });
}

function startError(error: NodeJS.ErrnoException, { label, cwd }: ProcessRequest): EdgeError {
  const details = { command: label, ...(cwd === undefined ? {} : { cwd }) };
  if (error.code === 'ENOENT')
    return new EdgeError('EDGE_COMMAND_NOT_FOUND', `${label}: no such program`, details, { cause: error });
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new EdgeError('EDGE_PERMISSION_DENIED', `${label}: may not be started: ${error.message}`, details, {
      hint: 'Check the permissions of the program and of the working directory.',
      cause: error,
    });
  return new EdgeError('EDGE_COMMAND_FAILED', `${label}: could not be started: ${error.message}`, details, {
    cause: error,
  });
}

/** Kills the group of a process at the deadline or on abort, politely first. */
class GroupWatch {
  failure: EdgeError | undefined;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort: () => void;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess, { signal, timeoutMs, label }: ProcessRequest) {
    this.#child = child;
    this.#signal = signal;
    this.#timer = setTimeout(
      () =>
        this.#end(
          new EdgeError(
            'EDGE_DEADLINE',
            `${label} did not end within ${timeoutMs} ms and was killed`,
            { timeoutMs },
            {
              hint: 'Give it more time (timeout), or find out what it waits for.',
            },
          ),
        ),
      Math.min(timeoutMs, 2_147_483_647),
    );
    this.#onAbort = () => this.#end(cancelled(signal!));
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (this.#killTimer === undefined) return;
    clearTimeout(this.#killTimer);
    // The leader is gone; members of its group that ignored SIGTERM are not to outlive the command.
    this.#kill('SIGKILL');
  }

  #end(failure: EdgeError): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.#kill('SIGTERM');
    this.#killTimer = setTimeout(() => this.#kill('SIGKILL'), KILL_AFTER_MS);
  }

  #kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function collect(stream: Readable, limit: number): { bytes(): Buffer; sizeBytes(): number; truncated(): boolean } {
  const chunks: Buffer[] = [];
  let size = 0;
  let received = 0;
  let cut = false;
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    const room = limit - size;
    if (chunk.length > room) cut = true;
    if (room <= 0) return;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    chunks.push(kept);
    size += kept.length;
  });
  return { bytes: () => Buffer.concat(chunks), sizeBytes: () => received, truncated: () => cut };
}
