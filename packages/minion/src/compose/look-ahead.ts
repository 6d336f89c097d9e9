import { LocalHost } from '@edge-run/shared/host';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import type { PyMap } from '@edge-run/shared/values';

/**
 * Asks this machine what it is, and resolves as soon as the shell that finds out runs: a call loads the rest of the
 * program meanwhile. An answer that nobody waits for is none of anybody's business, failed or not.
 */
export async function lookAhead(): Promise<{ readonly machine: Promise<PyMap> }> {
  return await new Promise((resolve) => {
    const onStart = (): void => resolve({ machine });
    const machine = gatherFacts(new LocalHost({ id: 'this machine', onStart }));
    machine.then(onStart, onStart);
  });
}
