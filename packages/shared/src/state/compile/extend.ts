import { didYouMean } from '../../schema/index.ts';
import type { NameIndex } from './name-index.ts';
import { type Extension, firstKey, type Item, report, type StateDeclaration, type Tree } from './tree.ts';
import { JOINED_WORDS } from './words.ts';

/**
 * Merges extensions into the states they extend: requisites are joined, other arguments and the function replaced
 * (Salt 3006 state.py, reconcile_extend). An ID that does not exist may be a state's name.
 */
export function reconcileExtensions(tree: Tree, extensions: readonly Extension[], names: NameIndex): void {
  for (const extension of extensions) {
    const target = findTarget(tree, extension, names);
    if (target === undefined) continue;
    for (const declaration of extension.states) {
      const existing = target.states.get(declaration.state);
      if (existing === undefined)
        target.states.set(declaration.state, { ...declaration, items: [...declaration.items] });
      else for (const item of declaration.items) mergeItem(existing, item);
    }
  }
}

function findTarget(tree: Tree, extension: Extension, names: NameIndex): ReturnType<Tree['ids']['get']> {
  const direct = tree.ids.get(extension.id);
  if (direct !== undefined) return direct;
  const state = extension.states[0]?.state;
  const found = state === undefined ? [] : names.find(extension.id, state);
  if (found.length === 1) return tree.ids.get(found[0]!.id);
  if (!tree.broken.has(extension.id)) {
    const { id, env, sls } = extension;
    report(tree, {
      code: 'EDGE_STATE_EXTEND',
      summary: `Cannot extend ID '${id}' in '${env}:${sls}'. It is not part of the high state.`,
      detail:
        didYouMean(id, tree.ids.keys()) || `a state with the ID '${id}' must be in SLS '${sls}' or in one it includes`,
      place: extension.place,
    });
  }
  return undefined;
}

function mergeItem(target: StateDeclaration, item: Item): void {
  const { items } = target;
  if (item.kind === 'function') {
    const at = items.findIndex((existing) => existing.kind === 'function');
    if (at === -1) items.push(item);
    else items[at] = item;
    return;
  }
  const key = firstKey(item);
  let merged = false;
  items.forEach((existing, at) => {
    const existingKey = firstKey(existing);
    if (existingKey === key) {
      items[at] = key !== undefined && JOINED_WORDS.has(key) ? joined(existing, item) : item;
      merged = true;
    } else if (key === 'name' && existingKey === 'names') items[at] = item;
  });
  if (!merged) items.push(item);
}

/** One item whose list goes on with the other's. */
function joined(existing: Item, item: Item): Item {
  if (existing.kind !== 'arguments' || item.kind !== 'arguments') return item;
  const [first, ...rest] = existing.entries;
  const added = item.entries[0]!.value;
  if (first === undefined || !Array.isArray(first.value) || !Array.isArray(added)) return item;
  return { kind: 'arguments', entries: [{ ...first, value: [...first.value, ...added] }, ...rest] };
}
