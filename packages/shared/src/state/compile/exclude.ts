import { compileGlob } from '../../target/index.ts';
import type { Tree } from './tree.ts';

/** Takes excluded IDs and SLS files out (Salt 3006 state.py, apply_exclude). */
export function applyExclusions(tree: Tree): void {
  for (const { by, name } of tree.exclusions) {
    if (by === 'id') tree.ids.delete(name);
    else {
      const matches = compileGlob(name);
      for (const { id, sls } of [...tree.ids.values()]) if (matches(sls)) tree.ids.delete(id);
    }
  }
}
