import { EdgeError } from '../../kernel/index.ts';
import { PyMap } from '../../values/index.ts';
import type { Mine } from './context.ts';

/** The mine of a host without a master: empty, and nothing can be published. */
export const NO_MINE: Mine = {
  get: () => Promise.resolve(new PyMap()),
  update: () => Promise.reject(nobody()),
  remove: () => Promise.reject(nobody()),
};

function nobody(): EdgeError {
  return new EdgeError(
    'EDGE_NOT_SUPPORTED',
    'nothing can be published in the mine here: there is no master that keeps it',
    {},
    { hint: 'Ask the master to run it: edge-run exec TARGET mine.update' },
  );
}
