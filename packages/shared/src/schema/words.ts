import { EdgeError, errorMessage } from '../kernel/index.ts';
import { isInteger, PyMap, type Value } from '../values/index.ts';

/** An argument as typed and as read; an argument declared as text takes `typed`. */
export interface Word {
  /** Undefined for what came inside a mapping. */
  readonly typed: string | undefined;
  readonly value: Value;
}

/** The words behind a function's name, sorted into positional and named arguments. */
export interface WordArguments {
  readonly args: readonly Word[];
  readonly kwargs: ReadonlyMap<string, Word>;
}

/** How values are read; given by the caller, since reading lies above declarations. */
export interface WordReaders {
  /** Salt's `safe_load`; throws on text that is not YAML. */
  yaml(text: string): Value;
  json(text: string): Value;
}

const NAMED = /^([\p{L}\p{Nl}\p{No}_][\p{L}\p{N}_.-]*)=(?!=)([^\n]*)\n?$/u;
const NAMED_JSON = /^([\p{L}\p{Nl}\p{No}_][\p{L}\p{N}_.-]*):=(.*)$/su;
/** Marks a mapping as named arguments, in Salt's own messages. */
const KWARG_MARK = '__kwarg__';

/**
 * Reads the words of a command line as Salt 3006 does (salt.utils.args `parse_input`, salt.minion
 * `load_args_and_kwargs`): `key=value` is a named argument, values are YAML where that gives more than text. Beyond Salt,
 * `key:=json` takes JSON and nothing else.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for `key:=` with text that is not JSON.
 */
export function readWords(words: readonly string[], readers: WordReaders): WordArguments {
  const args: Word[] = [];
  const inherited = new Map<string, Word>();
  const named = new Map<string, Word>();
  for (const typed of words) {
    const forced = NAMED_JSON.exec(typed);
    const pair = NAMED.exec(typed);
    if (forced) named.set(forced[1]!, { typed: forced[2]!, value: readJson(forced[1]!, forced[2]!, readers) });
    else if (pair) named.set(pair[1]!, { typed: pair[2]!, value: readWord(pair[2]!, readers) });
    else addPositional(typed, readers, args, inherited);
  }
  const kwargs = new Map([...inherited, ...named]);
  kwargs.delete(KWARG_MARK);
  return { args, kwargs };
}

/** A word in no `key=value` form; quotes inside it may still hide one, and a mapping may say it is named arguments. */
function addPositional(typed: string, readers: WordReaders, args: Word[], kwargs: Map<string, Word>): void {
  const value = readWord(typed, readers);
  const hidden = typeof value === 'string' ? NAMED.exec(value) : null;
  if (hidden) {
    kwargs.set(hidden[1]!, { typed: hidden[2]!, value: readWord(hidden[2]!, readers) });
  } else if (value instanceof PyMap && value.get(KWARG_MARK) === true) {
    for (const [key, item] of value) if (typeof key === 'string') kwargs.set(key, { typed: undefined, value: item });
  } else {
    args.push({ typed, value: isJobId(value) ? String(value) : value });
  }
}

/** A number of twenty digits is a job id and stays text. */
function isJobId(value: Value): boolean {
  return isInteger(value) && String(value).length === 20;
}

function readJson(name: string, text: string, readers: WordReaders): Value {
  try {
    return readers.json(text);
  } catch (error) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${name}:= takes JSON: ${errorMessage(error)}`,
      { name, text },
      { hint: `Write ${name}=… for a plain value.`, cause: error },
    );
  }
}

/** The value of one word (salt.utils.args `yamlify_arg`): text wherever YAML would lose or invent something. */
function readWord(text: string, { yaml }: WordReaders): Value {
  if (text === 'None') return null;
  const trimmed = text.trim();
  if (['', '---', '...'].includes(trimmed) || /[\t\r\n]/.test(text)) return text;
  if (text.includes('_') && /^[0-9_]+$/.test(trimmed)) return text;
  const value = loadOrUndefined(text, yaml);
  if (value === undefined) return text;
  if (text.includes('#')) return typeof value === 'string' || value === null ? text : value;
  if (value instanceof PyMap) return text.startsWith('{') ? value : text;
  if (Array.isArray(value)) return text.startsWith('[') ? value : text;
  if (value === '' && (text === '|' || text === '!')) return text;
  return isPlain(value) ? value : text;
}

/** Not YAML means plain text, whatever is wrong with it. */
function loadOrUndefined(text: string, yaml: (text: string) => Value): Value | undefined {
  try {
    return yaml(text);
  } catch (error) {
    if (error instanceof EdgeError) return undefined;
    throw error;
  }
}

/** Numbers, texts, booleans and nothing; sets and bytes are not for command lines. */
function isPlain(value: Value): boolean {
  return value === null || typeof value !== 'object' || 'value' in value;
}
