import type { JsonObject, JsonValue } from '../kernel/index.ts';
import { compareHosts, compressHosts } from './host-ranges.ts';

/** Hosts that answered the same. */
export interface AnswerGroup<T> {
  /** In natural order. */
  readonly ids: readonly string[];
  /** `web[01-48]`, `db1` … */
  readonly label: string;
  readonly answer: T;
}

/**
 * Puts hosts with equal answers together; every host is in exactly one group. `keyOf` says what makes answers equal:
 * the JSON of the answer, keys in any order, when absent. Groups are ordered by their first host.
 */
export function groupByAnswer<T>(
  answers: Iterable<readonly [id: string, answer: T]>,
  keyOf: (answer: T) => JsonValue | undefined = (answer) => answer as JsonValue,
): readonly AnswerGroup<T>[] {
  const groups = new Map<string, { ids: string[]; answer: T }>();
  for (const [id, answer] of new Map(answers)) {
    const key = canonicalJson(keyOf(answer));
    const group = groups.get(key);
    if (group) group.ids.push(id);
    else groups.set(key, { ids: [id], answer });
  }
  return [...groups.values()]
    .map(({ ids, answer }) => {
      const sorted = [...ids].sort(compareHosts);
      return { ids: sorted, label: compressHosts(sorted).join(', '), answer };
    })
    .sort((a, b) => compareHosts(a.ids[0]!, b.ids[0]!));
}

/** JSON text in which the order of keys does not show. */
export function canonicalJson(value: JsonValue | undefined): string {
  if (value === undefined) return 'undefined';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const object = value as JsonObject;
  const members = Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  return `{${members.join(',')}}`;
}
