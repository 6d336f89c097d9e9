import type { Change } from '../../modules/contract/index.ts';
import { fromPlain, PyMap, type Value } from '../../values/index.ts';
import type { StateReturn } from '../contract.ts';

/** What calling a state gave, with what the return shows beside result, changes and comment. */
export interface StepAnswer extends StateReturn {
  readonly warnings?: readonly string[];
  /** What is shown as `name`, where it is not the state's. */
  readonly name?: string | readonly string[];
  /** A guard kept the state from running: a watched change is not reacted to either. */
  readonly guarded?: true;
  /** Each guard and what it said: `unless is true: test -e /srv/app`. */
  readonly guards?: readonly string[];
}

const SEALED = '[secret]';

/** An answer without changes. */
export function quietAnswer(result: boolean | null, comment: string): StepAnswer {
  return { result, changes: new PyMap(), comment };
}

/** What a change would show, or showed, in the `changes` of the return. */
export function shownChange(change: Change, applied?: unknown): Value {
  if (applied !== undefined) return change.sealed === true ? sealed(fromPlain(applied)) : fromPlain(applied);
  if (change.changes !== undefined) {
    const shown = fromPlain(change.changes);
    return change.sealed === true ? sealed(shown) : shown;
  }
  if (change.sealed === true) return new PyMap([[change.what, SEALED]]);
  const { what, before, after, diff } = change;
  return new PyMap([[what, fromPlain(diff === undefined ? { old: before, new: after } : { diff })]]);
}

/** Joins what several changes show; mappings below the same key are joined too, anything else is replaced. */
export function joinChanges(changes: readonly Value[]): Value {
  const [first = new PyMap(), ...rest] = changes;
  return rest.reduce(joined, first);
}

function joined(into: Value, from: Value): Value {
  if (!(into instanceof PyMap) || !(from instanceof PyMap)) return from;
  const result = new PyMap(into);
  for (const [key, value] of from) {
    const existing = result.get(key);
    result.set(key, existing === undefined ? value : joined(existing, value));
  }
  return result;
}

/** Keeps the keys, hides the values. */
function sealed(value: Value): Value {
  return value instanceof PyMap ? new PyMap([...value.keys()].map((key) => [key, SEALED] as const)) : SEALED;
}
