import { PyMap } from '../../values/index.ts';
import { shown } from '../high/index.ts';
import { report, type Tree } from './tree.ts';
import { SALT_VERIFIES } from './words.ts';

/**
 * Reports states that require themselves or each other directly: the only circles Salt finds before it runs anything,
 * and so the only ones that keep it from showing low chunks (Salt 3006 state.py, verify_high).
 */
export function reportPairs(tree: Tree): void {
  const edges = new Set<string>();
  for (const { id, sls, states } of tree.ids.values()) {
    for (const { state, items } of states.values()) {
      const entries = items.flatMap((item) => (item.kind === 'arguments' ? item.entries : []));
      for (const { key, value, place } of entries) {
        if (!SALT_VERIFIES.has(key) || !Array.isArray(value)) continue;
        for (const requisite of value) {
          const pair = requisite instanceof PyMap ? [...requisite][0] : undefined;
          if (pair === undefined) continue;
          const [target, own] = [`${shown(pair[0])}\0${shown(pair[1])}`, `${state}\0${id}`];
          edges.add(`${own}\0${target}`);
          if (!edges.has(`${target}\0${own}`)) continue;
          report(tree, {
            code: 'EDGE_STATE_REQUISITE_RECURSIVE',
            summary: `A recursive requisite was found in SLS '${sls}': ${state}: ${id} → ${shown(pair[0])}: ${shown(pair[1])} → ${state}: ${id}`,
            detail: 'each waits for the other; take one of these requisites out',
            place,
            id,
          });
        }
      }
    }
  }
}
