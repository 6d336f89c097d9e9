import { EdgeError } from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';
import type { Chunk } from '@edge-run/shared/state';

/** How many steps are named to somebody whose word is like none of them. */
const NAMED_AT_MOST = 20;

/**
 * The place of the step that people mean by `name`: its id, its key, or its name where no id says so.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` with a suggestion
 */
export function getStepIndex(run: string, chunks: readonly Chunk[], name: string): number {
  const byId = chunks.findIndex(({ key, id }) => id === name || key === name);
  const index = byId >= 0 ? byId : chunks.findIndex((chunk) => chunk.name === name);
  if (index >= 0) return index;
  const ids = chunks.map(({ id }) => id);
  const more = ids.length > NAMED_AT_MOST ? ' …' : '.';
  const hint = didYouMean(name, ids) || `Its steps: ${ids.slice(0, NAMED_AT_MOST).join(', ')}${more}`;
  throw new EdgeError('EDGE_BAD_ARGUMENT', `run ${run} has no step \`${name}\``, { run, step: name }, { hint });
}
