import { PyMap, type Value } from '@edge-run/shared/values';

/** Hosts whose names differ in a number: `app1` … `app4`. */
export interface HostFamily {
  readonly prefix: string;
  readonly ids: readonly string[];
}

/** The largest family of hosts that a pillar lists as keys of one mapping; undefined when there is none of two or more. */
export function largestFamily(pillar: PyMap): HostFamily | undefined {
  let largest: HostFamily | undefined;
  const look = (value: Value): void => {
    if (Array.isArray(value)) value.forEach(look);
    if (!(value instanceof PyMap)) return;
    const families = new Map<string, string[]>();
    for (const key of value.keys()) {
      const prefix = prefixOf(String(key));
      if (prefix !== undefined) families.set(prefix, [...(families.get(prefix) ?? []), String(key)]);
    }
    for (const [prefix, ids] of families)
      if (ids.length > 1 && ids.length > (largest?.ids.length ?? 0)) largest = { prefix, ids };
    for (const item of value.values()) look(item);
  };
  look(pillar);
  return largest;
}

/** Those of `ids` whose names differ from `id` in a number only, itself among them. */
export function familyOf(id: string, ids: readonly string[]): readonly string[] {
  const prefix = prefixOf(id);
  return ids.filter((other) => other === id || (prefix !== undefined && prefixOf(other) === prefix));
}

function prefixOf(id: string): string | undefined {
  return /^([A-Za-z][\w.-]*?)\d+$/.exec(id)?.[1];
}

/**
 * The pillar with the family grown to `count` hosts, wherever a mapping lists all of them: each new host gets what the
 * last one has, with its own name in the place of that one's.
 */
export function grownPillar(pillar: PyMap, family: HostFamily, count: number): PyMap {
  const last = family.ids.at(-1)!;
  const begin = Number(last.slice(family.prefix.length)) + 1;
  const fresh = Array.from(
    { length: Math.max(0, count - family.ids.length) },
    (_, i) => `${family.prefix}${begin + i}`,
  );
  const grow = (value: Value): Value => {
    if (Array.isArray(value)) {
      const isWhole = family.ids.every((id) => value.includes(id));
      return isWhole ? [...value, ...fresh] : value.map(grow);
    }
    if (!(value instanceof PyMap)) return value;
    const grown = new PyMap([...value].map(([key, item]) => [key, grow(item)] as const));
    if (family.ids.every((id) => value.has(id)))
      for (const id of fresh) grown.set(id, renamed(value.get(last)!, last, id));
    return grown;
  };
  return grow(pillar) as PyMap;
}

function renamed(value: Value, from: string, to: string): Value {
  if (typeof value === 'string') return value.replaceAll(from, to);
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to));
  if (!(value instanceof PyMap)) return value;
  return new PyMap([...value].map(([key, item]) => [key, renamed(item, from, to)] as const));
}
