import { EdgeError } from '../../kernel/index.ts';
import { copyValue, PyMap, type Value } from '../../values/index.ts';
import { pythonText, updateInPlace } from '../text/index.ts';

/** What is chosen from, and how. */
export interface FilterBy {
  readonly table: Value;
  /** Merged over what was chosen. */
  readonly merge: Value | undefined;
  /** Key chosen when no other fits. */
  readonly fallback: string;
  /** Key whose mapping lies under what was chosen. */
  readonly base: string | undefined;
}

/**
 * Chooses from a mapping by a value, or the first of several that some key fits (Salt 3006 utils/data.py, filter_by).
 * @throws EdgeError `EDGE_BAD_ARGUMENT` when there is no mapping to choose from
 */
export function filterBy(value: Value | undefined, { table, merge, fallback, base }: FilterBy, name: string): Value {
  if (!(table instanceof PyMap)) throw new EdgeError('EDGE_BAD_ARGUMENT', `${name} needs a mapping as lookup_dict`);
  let chosen = choose(table, value) ?? table.get(fallback) ?? null;
  const under = base === undefined ? undefined : table.get(base);
  if (chosen === null) chosen = under ?? null;
  else if (under instanceof PyMap) chosen = updateInPlace(copyValue(under), chosen, false);
  // Salt merges into the looked-up mapping itself.
  if (merge instanceof PyMap && merge.size > 0)
    chosen = chosen === null ? merge : updateInPlace(chosen, copyValue(merge), false);
  return chosen;
}

/** What the first value that some key fits leads to. */
function choose(table: PyMap, value: Value | undefined): Value | undefined {
  for (const one of value === undefined ? [] : Array.isArray(value) ? value : [value]) {
    for (const [key, chosen] of table)
      if (globMatches(pythonText(key) ?? String(key), pythonText(one) ?? String(one))) {
        if (chosen !== null) return chosen;
        break;
      }
  }
  return undefined;
}

/** A key of a look-up is a shell pattern, or the value itself. */
function globMatches(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  if (!/[*?[]/.test(pattern)) return false;
  const source = pattern
    .replace(/[\\^$.+(){}|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^');
  return new RegExp(`^${source}$`, 's').test(text);
}
