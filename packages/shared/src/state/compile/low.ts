import type { SourceRange } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { shown } from '../high/index.ts';
import { type Entry, type IdDeclaration, type LowChunk, report, type StateDeclaration, type Tree } from './tree.ts';

/** Function Salt calls where a state names none. */
export const NO_FUNCTION = '__call__';

/** Makes low chunks of the tree: one for each state, or for each of its `names` (Salt 3006 state.py, compile_high_data). */
export function lowChunks(tree: Tree): LowChunk[] {
  const chunks: LowChunk[] = [];
  for (const declaration of tree.ids.values()) {
    for (const state of declaration.states.values()) chunks.push(...expand(tree, declaration, state));
  }
  return chunks;
}

function expand(tree: Tree, declaration: IdDeclaration, state: StateDeclaration): readonly LowChunk[] {
  const { id, sls, env } = declaration;
  const low = new PyMap([
    ['state', state.state],
    ['name', id],
    ...(sls === '' ? [] : [['__sls__', sls] as const]),
    ['__env__', env],
    ['__id__', id],
  ]);
  const places = new Map<string, SourceRange>();
  const names: { name: Value; overrides: readonly Entry[]; place: SourceRange | undefined }[] = [];
  const functions = new Set<string>();
  for (const item of state.items) {
    if (item.kind === 'function') functions.add(item.name);
    else {
      for (const entry of item.entries) {
        if (entry.key === 'names') names.push(...namesOf(tree, entry));
        else addArgument(low, places, entry, id);
      }
    }
  }
  if (functions.size > 1) {
    report(tree, {
      code: 'EDGE_STATE_FUNCTION',
      summary: `Too many functions declared in state '${state.state}' in SLS '${sls}': ${[...functions].join(', ')}`,
      detail: 'an argument needs a `:` behind its name',
      place: state.place ?? declaration.place,
      id,
    });
  }
  const fun = [...functions][0] ?? NO_FUNCTION;
  const place = state.place ?? declaration.place;
  if (names.length === 0) return [{ low: low.set('fun', fun), declaration: state, places, place }];
  const seen = new Set<Value>();
  const chunks: LowChunk[] = [];
  for (const { name, overrides, place: namePlace } of names) {
    if (overrides.length === 0 && seen.has(name)) continue;
    seen.add(name);
    const live = new PyMap(low).set('name', name);
    const livePlaces = new Map(places);
    for (const entry of overrides) {
      live.set(entry.key, entry.value);
      if (entry.place !== undefined) livePlaces.set(entry.key, entry.place);
    }
    live.set('name_order', chunks.length + 1).set('fun', fun);
    chunks.push({ low: live, declaration: state, places: livePlaces, place: namePlace ?? place });
  }
  return chunks;
}

function addArgument(low: PyMap, places: Map<string, SourceRange>, entry: Entry, id: string): void {
  const { key, value, place } = entry;
  if (key === 'state') return;
  low.set(key, key === 'name' && typeof value !== 'string' ? id : value);
  if (place !== undefined) places.set(key, place);
}

function namesOf(
  tree: Tree,
  entry: Entry,
): { name: Value; overrides: readonly Entry[]; place: SourceRange | undefined }[] {
  const list = entry.value as Value[];
  return list.map((item, index) => {
    const place = tree.places.of(list, index) ?? entry.place;
    const pair = item instanceof PyMap ? [...item][0] : undefined;
    if (pair === undefined) return { name: item instanceof PyMap ? '' : item, overrides: [], place };
    const [name, overrides] = pair;
    const entries = (Array.isArray(overrides) ? overrides : []).flatMap((override) =>
      override instanceof PyMap
        ? [...override].map(([key, value]) => ({
            key: shown(key),
            value,
            place: tree.places.of(override, key) ?? place,
          }))
        : [],
    );
    return { name, overrides: entries, place };
  });
}
