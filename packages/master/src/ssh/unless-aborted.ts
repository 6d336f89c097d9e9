import { cancelled } from '@edge-run/shared/kernel';

/** The promise, given up when the signal aborts; what it stands for goes on for others. @throws EdgeError `EDGE_CANCELLED` */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(signal));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
