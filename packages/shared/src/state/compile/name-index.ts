import { firstKey, type Tree } from './tree.ts';

/** A state of an ID. */
export interface FoundState {
  readonly id: string;
  readonly state: string;
}

/** Finds states by ID or by the value of one of their arguments, as Salt does (Salt 3006 state.py, find_name). */
export interface NameIndex {
  find(name: string, state: string): readonly FoundState[];
  /** The first state whose `name` is this. */
  named(name: string): FoundState | undefined;
  /** Every state of an SLS. */
  ofSls(sls: string): readonly FoundState[];
}

/** An index of the tree as it is now; built on first use. */
export function indexNames(tree: Tree): NameIndex {
  let byValue: Map<string, FoundState[]> | undefined;
  let bySls: Map<string, FoundState[]> | undefined;
  let byName: Map<string, FoundState> | undefined;
  return {
    find(name, state) {
      if (tree.ids.has(name)) return [{ id: name, state }];
      byValue ??= indexByValue(tree);
      return byValue.get(`${state}\0${name}`) ?? [];
    },
    named(name) {
      byName ??= indexByName(tree);
      return byName.get(name);
    },
    ofSls(sls) {
      bySls ??= indexBySls(tree);
      return bySls.get(sls) ?? [];
    },
  };
}

function indexByValue(tree: Tree): Map<string, FoundState[]> {
  const index = new Map<string, FoundState[]>();
  for (const { id, states } of tree.ids.values()) {
    for (const { state, items } of states.values()) {
      for (const item of items) {
        if (firstKey(item) === undefined || item.kind !== 'arguments' || item.entries.length !== 1) continue;
        const { value } = item.entries[0]!;
        if (typeof value === 'string') add(index, `${state}\0${value}`, { id, state });
      }
    }
  }
  return index;
}

function indexByName(tree: Tree): Map<string, FoundState> {
  const index = new Map<string, FoundState>();
  for (const { id, states } of tree.ids.values()) {
    for (const { state, items } of states.values()) {
      const entries = items.flatMap((item) => (item.kind === 'arguments' ? item.entries : []));
      for (const { key, value } of entries) {
        if (key === 'name' && typeof value === 'string' && !index.has(value)) index.set(value, { id, state });
      }
    }
  }
  return index;
}

function indexBySls(tree: Tree): Map<string, FoundState[]> {
  const index = new Map<string, FoundState[]>();
  for (const { id, sls, states } of tree.ids.values()) {
    for (const state of states.keys()) add(index, sls, { id, state });
  }
  return index;
}

function add(index: Map<string, FoundState[]>, key: string, found: FoundState): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [found]);
  else list.push(found);
}
