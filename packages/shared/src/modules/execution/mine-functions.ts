import { EdgeError } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { MineEntry } from '../contract/index.ts';

/** A function whose answer is published in the mine. */
export interface MineFunction {
  /** What it is asked for by. */
  readonly alias: string;
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  readonly allow?: NonNullable<MineEntry['allow']>;
}

/**
 * Reads `mine_functions`: a list of names, or a mapping of names or aliases to positional arguments, to keyword
 * arguments, or to a list of both. `mine_function` names the function of an alias; `allow_tgt` and `allow_tgt_type` say
 * who may read it (Salt 3006, utils/mine.py `parse_function_definition`).
 * @throws EdgeError `EDGE_BAD_ARGUMENT` that names the entry that is not readable
 */
export function parseMineFunctions(config: Value): readonly MineFunction[] {
  if (config === null) return [];
  if (Array.isArray(config)) return config.flatMap((item) => parseListItem(item));
  if (config instanceof PyMap)
    return [...config].map(([alias, definition]) => parseDefinition(String(alias), definition));
  throw unreadable('mine_functions', 'a list of functions or a mapping');
}

/** The functions of several sources; of two with one alias that of the later source counts. */
export function mergeMineFunctions(sources: readonly Value[]): readonly MineFunction[] {
  const merged = new Map<string, MineFunction>();
  for (const source of sources) for (const entry of parseMineFunctions(source)) merged.set(entry.alias, entry);
  return [...merged.values()];
}

/** What `mine.valid` shows of a function: its arguments, under its name where it has an alias. */
export function shownMineFunction({ alias, fun, args, kwargs }: MineFunction): Value {
  const all: Value[] = [...args, ...[...kwargs].map(([key, value]): Value => new PyMap([[key, value]]))];
  return alias === fun ? all : new PyMap([[fun, all]]);
}

/** In a list, a mapping stands for the functions that are its keys. */
function parseListItem(item: Value): readonly MineFunction[] {
  if (item instanceof PyMap) return parseMineFunctions(item);
  if (typeof item === 'string') return [parseDefinition(item, null)];
  throw unreadable(String(item), 'the name of a function');
}

function parseDefinition(alias: string, definition: Value): MineFunction {
  const args: Value[] = [];
  const named = new Map<string, Value>();
  if (definition instanceof PyMap) for (const [key, value] of definition) named.set(String(key), value);
  else if (Array.isArray(definition)) {
    for (const item of definition) {
      if (item instanceof PyMap) for (const [key, value] of item) named.set(String(key), value);
      else args.push(item);
    }
  } else if (definition !== null && definition !== '') throw unreadable(alias, 'a list or a mapping of arguments');
  const fun = taken(named, 'mine_function') ?? alias;
  const allow = parseAllow(alias, taken(named, 'allow_tgt'), taken(named, 'allow_tgt_type'));
  if (typeof fun !== 'string') throw unreadable(alias, 'a name as mine_function');
  return { alias, fun, args, kwargs: named, ...(allow === undefined ? {} : { allow }) };
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` where it is neither an expression nor a list of ids */
export function parseAllow(alias: string, target: Value | undefined, type: Value | undefined): MineEntry['allow'] {
  if (target === undefined || target === null || target === '') return undefined;
  const isList = Array.isArray(target) && target.every((id): id is string => typeof id === 'string');
  if (typeof target !== 'string' && !isList) throw unreadable(alias, 'an expression or a list of ids as allow_tgt');
  return {
    target: target as string | readonly string[],
    targetType: typeof type === 'string' && type !== '' ? type : isList ? 'list' : 'glob',
  };
}

function taken(named: Map<string, Value>, key: string): Value | undefined {
  const value = named.get(key);
  named.delete(key);
  return value;
}

function unreadable(what: string, wanted: string): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `mine_functions: ${what} needs ${wanted}`,
    { entry: what },
    { hint: 'mine_functions: {network.ip_addrs: [eth0], alias: {mine_function: grains.get, key: role}}' },
  );
}
