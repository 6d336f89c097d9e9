import { PyMap, PyTuple } from '../../../values/index.ts';
import { spend } from './effort.ts';
import type { Env } from './env.ts';
import { LimitFault } from './fault.ts';
import { sizeOf } from './iterate.ts';
import { Builtin, PyIterator, textOf } from './types.ts';

/** Most of its input a filter or method takes, so that none keeps the event loop for long. */
interface Bounds {
  readonly characters: number;
  /** Elements of a list; parts of parts count where `deep`. */
  readonly elements: number;
  readonly deep?: boolean;
}

const USUAL: Bounds = { characters: 1_000_000, elements: 100_000 };
const DUMP: Bounds = { ...USUAL, elements: 20_000, deep: true };
const SLOW: Bounds = { ...USUAL, characters: 200_000 };
const BY_NAME: ReadonlyMap<string, Bounds> = new Map([
  ...['yaml', 'pprint', 'python'].map((name) => [name, DUMP] as const),
  ...['json', 'tojson'].map((name) => [name, { ...DUMP, elements: 80_000 }] as const),
  ...['regex_replace', 'regex_search', 'regex_match'].map((name) => [name, { ...USUAL, characters: 300_000 }] as const),
  ...['sort', 'dictsort', 'unique'].map((name) => [name, { ...USUAL, elements: 50_000 }] as const),
  ['groupby', { ...USUAL, elements: 25_000 }],
  ['load_yaml', { ...USUAL, characters: 120_000 }],
  ...['wordwrap', 'urlize'].map((name) => [name, { ...USUAL, characters: 20_000 }] as const),
  ...['join', 'replace'].map((name) => [`str.${name}`, { ...USUAL, characters: 4_000_000 }] as const),
  ...['expandtabs', 'format', 'format_map', 'istitle', 'maketrans', 'swapcase', 'title', 'translate'].map(
    (name) => [`str.${name}`, SLOW] as const,
  ),
]);
/** Filters and methods that look at their input without going through it, or through it once at most cheaply. */
const LIGHT: ReadonlySet<string> = new Set([
  ...['default', 'd', 'length', 'count', 'first', 'last', 'int', 'float', 'abs', 'round', 'attr', 'items', 'string'],
  ...['safe', 'lower', 'upper', 'trim', 'bool', 'to_bool', 'quote', 'is_hex', 'select', 'reject'],
  ...['selectattr', 'rejectattr', 'batch'],
  ...['str.casefold', 'str.count', 'str.encode', 'str.endswith', 'str.find', 'str.index', 'str.isascii'],
  ...['str.lower', 'str.lstrip', 'str.partition', 'str.removeprefix', 'str.removesuffix', 'str.rfind', 'str.rindex'],
  ...['str.rpartition', 'str.rstrip', 'str.startswith', 'str.strip', 'str.upper'],
  ...['list.append', 'list.clear', 'list.copy', 'list.extend', 'list.insert', 'list.pop', 'list.reverse'],
  ...['dict.clear', 'dict.get', 'dict.items', 'dict.keys', 'dict.pop', 'dict.setdefault', 'dict.values', 'set.add'],
]);
/** Below this a filter is too quick for a look at the clock to be worth it. */
const SMALL = 500;

/**
 * The filter, or the method of a `type`, as it is called: it refuses what would keep the event loop, and lets others have
 * their turn first.
 */
export function patient(filter: Builtin, type?: string): Builtin {
  const name = type === undefined ? filter.name : `${type}.${filter.name}`;
  if (LIGHT.has(name)) return light(filter);
  const bounds = BY_NAME.get(name) ?? USUAL;
  return new Builtin(
    filter.name,
    (env: Env, args, kwargs) => {
      if (!bounds.deep && !args.some(isLarge)) return filter.call(env, args, kwargs);
      for (const arg of args) check(filter.name, arg, bounds);
      return env.isTurnOver ? env.turn().then(() => filter.call(env, args, kwargs)) : filter.call(env, args, kwargs);
    },
    { mayWait: true, shown: filter.shown },
  );
}

/** A filter that is quick for its input's size, which a long text still makes noticeable. */
function light(filter: Builtin): Builtin {
  return new Builtin(
    filter.name,
    (env: never, args, kwargs) => {
      const text = textOf(args[0]);
      if (text !== undefined && text.length > SMALL) spend(text.length * 2);
      return filter.call(env, args, kwargs);
    },
    filter,
  );
}

function isLarge(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' && value.length > SMALL;
  // What an iterator will give is known only when it has given it.
  return sizeOf(value) > SMALL || value instanceof PyIterator;
}

function check(name: string, value: unknown, { characters, elements, deep }: Bounds): void {
  const text = textOf(value);
  if (text !== undefined) {
    if (text.length > characters)
      throw new LimitFault(`${name} of a text of ${text.length} characters`, `It takes at most ${characters}.`);
    return;
  }
  const size = deep ? partsOf(value, elements) : sizeOf(value);
  if (size > elements) throw new LimitFault(`${name} of more than ${elements} elements`, 'Work on less at once.');
}

/** Elements and their elements, counted until there are more than `limit`. */
function partsOf(value: unknown, limit: number): number {
  let count = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0 && count <= limit) {
    const part = waiting.pop();
    count += 1;
    if (sizeOf(part) > limit) return sizeOf(part);
    if (Array.isArray(part)) for (const item of part) waiting.push(item);
    else if (part instanceof PyTuple) waiting.push(...part.items);
    else if (part instanceof PyMap) for (const item of part.values()) waiting.push(item);
  }
  return count;
}

/** The methods of a `type`, each patient. */
export function patientMethods(type: string, methods: ReadonlyMap<string, Builtin>): ReadonlyMap<string, Builtin> {
  return new Map([...methods].map(([name, method]) => [name, patient(method, type)]));
}
