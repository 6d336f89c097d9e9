import type { StepContext } from '../step-kind.ts';

/** A signal that aborts when the time is over by the ports' clock, when the step is cancelled, or at the end. */
export function limitOf(
  ms: number,
  { signal, ports }: StepContext,
): { readonly signal: AbortSignal; readonly end: () => void } {
  const over = new AbortController();
  const any = AbortSignal.any([signal, over.signal]);
  const end = (): void => over.abort();
  // A sleep that is cut short has nothing left to say.
  ports.clock.sleep(ms, any).then(end, end);
  return { signal: any, end };
}
