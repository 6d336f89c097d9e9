import { copyValue, PyMap, type Value, valuesEqual } from '../../values/index.ts';

/** How a grain is to be changed. */
export interface GrainEditOptions {
  /** Replaces lists and mappings, and what stands in the way of a path. */
  readonly force: boolean;
  /** Nothing (null) as the value removes the key. */
  readonly destructive: boolean;
  /** What separates the parts of a path. */
  readonly delimiter: string;
}

/** The top-level grain to write, nothing to do, or why it cannot be done. */
export type GrainEdit =
  | { readonly kind: 'set'; readonly key: string; readonly value: Value }
  | { readonly kind: 'same'; readonly comment: string }
  | { readonly kind: 'refused'; readonly comment: string };

/** The value at a path of grains as they are; undefined where it leads nowhere. */
export type ReadGrain = (path: string) => Value | undefined;

/**
 * What setting the grain at a path comes to: a nested one rewrites the top-level grain above it
 * (Salt 3006, modules/grains.py `set`).
 */
export function editGrain(read: ReadGrain, path: string, value: Value, options: GrainEditOptions): GrainEdit {
  const { force, destructive } = options;
  const known = read(path);
  const removes = value === null && destructive;
  if (removes ? known === undefined : known !== undefined && valuesEqual(known, value))
    return { kind: 'same', comment: 'Grain is already set' };
  if (known !== undefined && known !== null && !force) {
    const hint = "Use 'force=True' to overwrite.";
    if (isComplex(known)) return refused(`The key '${path}' exists but is a dict or a list. ${hint}`);
    if (isComplex(value)) return refused(`The key '${path}' exists and the given value is a dict or a list. ${hint}`);
  }
  return nest(read, path, value, options);
}

/** Adds a value to the list at a path (Salt 3006, modules/grains.py `append`). */
export function appendToGrain(
  read: ReadGrain,
  path: string,
  value: Value,
  options: { readonly convert: boolean; readonly delimiter: string },
): GrainEdit {
  const known = read(path) ?? [];
  const list = Array.isArray(known) ? known : options.convert ? [known] : undefined;
  if (list === undefined) return refused(`The key ${path} is not a valid list`);
  if (includes(list, value))
    return { kind: 'same', comment: `The val ${shown(value)} was already in the list ${path}` };
  return nest(read, path, [...list, value], { force: true, destructive: false, delimiter: options.delimiter });
}

/** Takes a value out of the list at a path. */
export function removeFromGrain(read: ReadGrain, path: string, value: Value, delimiter: string): GrainEdit {
  const known = read(path) ?? [];
  if (!Array.isArray(known)) return refused(`The key ${path} is not a valid list`);
  if (!includes(known, value)) return { kind: 'same', comment: `The val ${shown(value)} was not in the list ${path}` };
  const rest = known.filter((item) => !valuesEqual(item, value));
  return nest(read, path, rest, { force: true, destructive: false, delimiter });
}

/** Wraps a value into the grains above it, from the inside out. */
function nest(read: ReadGrain, path: string, value: Value, options: GrainEditOptions): GrainEdit {
  const { force, destructive, delimiter } = options;
  let key = path;
  let inner = value;
  for (let at = key.lastIndexOf(delimiter); at >= 0; at = key.lastIndexOf(delimiter)) {
    const rest = key.slice(at + delimiter.length);
    key = key.slice(0, at);
    const above = read(key) ?? new PyMap();
    if (above instanceof PyMap) {
      const changed = copyValue(above) as PyMap;
      if (inner === null && destructive) changed.delete(rest);
      else changed.set(rest, inner);
      inner = changed;
    } else if (Array.isArray(above)) inner = intoList(above, rest, inner);
    else if (above === rest || force) inner = new PyMap([[rest, inner]]);
    else {
      const problem = `The key '${key}' value is '${shown(above)}', which is different from the provided key '${rest}'.`;
      return refused(`${problem} Use 'force=True' to overwrite.`);
    }
  }
  return { kind: 'set', key, value: inner };
}

/** A path leads into a list through an item that is the key, or a mapping that has it. */
function intoList(list: readonly Value[], key: string, value: Value): Value[] {
  let isFound = false;
  const changed = list.map((item): Value => {
    if (item === key) {
      isFound = true;
      return new PyMap([[key, value]]);
    }
    if (!(item instanceof PyMap) || !item.has(key)) return item;
    isFound = true;
    return new PyMap([...item, [key, value]]);
  });
  return isFound ? changed : [...changed, new PyMap([[key, value]])];
}

function isComplex(value: Value): boolean {
  return value instanceof PyMap || Array.isArray(value);
}

function includes(list: readonly Value[], value: Value): boolean {
  return list.some((item) => valuesEqual(item, value));
}

function refused(comment: string): GrainEdit {
  return { kind: 'refused', comment };
}

function shown(value: Value): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
