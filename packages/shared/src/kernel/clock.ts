import { EdgeError } from './errors.ts';

/** Milliseconds since the Unix epoch. */
export type InstantMs = number;

/** Time as an argument: the system's in production, a manual one in tests. */
export interface Clock {
  now(): InstantMs;
  /** Resolves after `ms`. @throws EdgeError `EDGE_CANCELLED` when `signal` aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal));
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(cancelled(signal!));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** The error an aborted wait ends with. */
export function cancelled(signal: AbortSignal): EdgeError {
  const { reason } = signal;
  return reason instanceof EdgeError ? reason : new EdgeError('EDGE_CANCELLED', 'cancelled', {}, { cause: reason });
}

/** A signal that aborts with `EDGE_DEADLINE` after `ms`, or when `parent` does. `dispose` frees the timer. */
export function deadline(ms: number, what: string, parent?: AbortSignal): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const expire = (): void =>
    controller.abort(new EdgeError('EDGE_DEADLINE', `${what} did not end within ${ms} ms`, { timeoutMs: ms }));
  const timer = setTimeout(expire, Math.min(ms, 2_147_483_647));
  const follow = (): void => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    dispose: () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', follow);
    },
  };
}
