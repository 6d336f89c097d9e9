import { existsSync } from 'node:fs';
import { EdgeError } from '@edge-run/shared/kernel';
import type { Stack } from './contract.ts';

/** The embedded stack of this installation. @throws EdgeError `EDGE_NOT_INSTALLED` when it was packaged without one. */
export async function loadStack(): Promise<Stack> {
  const file = new URL('./index.js', import.meta.url);
  if (!existsSync(file)) {
    throw new EdgeError(
      'EDGE_NOT_INSTALLED',
      'this installation has no embedded stack',
      {},
      { hint: 'Start edge-master and point to its NATS server with EDGE_NATS_URL or --nats-url.' },
    );
  }
  return (await import(file.href)) as Stack;
}
