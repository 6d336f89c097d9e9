import {
  type Compiled,
  compiled,
  type Diagnostic,
  DiagnosticsError,
  EdgeError,
  notCompiled,
  Secret,
} from '../kernel/index.ts';
import { isFloat, isInteger, PyFloat, PyMap, PyTuple, type Value } from '../values/index.ts';
import type { RenderedData } from './contract.ts';
import { floatText } from './float-text.ts';
import { JsonReader, JsonSyntaxError } from './json-reader.ts';
import { compareKeys, sortedPairs } from './key-order.ts';
import { type LoadOptions, placeFinder, TextPlaces } from './places.ts';

/** How to write JSON; the names and defaults are those of Python's `json.dumps`. */
export interface JsonDumpOptions {
  /** Mappings in the order of their keys. Default false. */
  readonly sortKeys?: boolean;
  /** Spaces per level (0: line breaks only), or the text to indent with; null, the default, writes one line. */
  readonly indent?: number | string | null;
  /** True, the default, escapes everything beyond ASCII. Salt's `json` filter sets it to false. */
  readonly ensureAscii?: boolean;
  /** `sealed` (default) writes `[secret]` for a secret. */
  readonly secrets?: 'sealed' | 'revealed';
}

/**
 * The JSON of a value, identical to Python's `json.dumps`.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for what JSON cannot hold: bytes, sets, dates, tuples as keys, keys that cannot be
 * sorted together, a container inside itself.
 */
export function dumpJson(value: Value, options: JsonDumpOptions = {}): string {
  return new JsonWriter(options).write(value, '');
}

/** Loads JSON as Python's `json.loads` does: key order kept, the last of equal keys wins. @throws DiagnosticsError */
export function loadJson(text: string, path = 'json'): Value {
  try {
    return new JsonReader(text).document();
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new DiagnosticsError([syntaxDiagnostic(error, new TextPlaces(text, path))]);
  }
}

/** Loads the text of a `#!json` file with the places of its parts; an empty text is an empty mapping. */
export function loadJsonData(text: string, options: LoadOptions): Compiled<RenderedData> {
  const places = new TextPlaces(text, options.path, options.origin);
  const reader = new JsonReader(text);
  try {
    const value = text.trim() === '' ? new PyMap() : reader.document();
    const repeated = reader.repeatedKeys.map(
      ({ key, offset, end }): Diagnostic => ({
        severity: 'warning',
        code: 'EDGE_JSON_SYNTAX',
        summary: `the key '${key}' is given twice, the last one counts`,
        detail: 'Give each key once.',
        ...places.forDiagnostic(offset, end),
      }),
    );
    return compiled({ value, placeOf: placeFinder(reader.places, places) }, repeated);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return notCompiled([syntaxDiagnostic(error, places)]);
  }
}

function syntaxDiagnostic(error: JsonSyntaxError, places: TextPlaces): Diagnostic {
  return {
    severity: 'error',
    code: 'EDGE_JSON_SYNTAX',
    summary: error.message,
    detail: error.hint,
    ...places.forDiagnostic(error.offset),
  };
}

class JsonWriter {
  readonly #sortKeys: boolean;
  readonly #indent: string | undefined;
  readonly #ensureAscii: boolean;
  readonly #revealed: boolean;
  readonly #open = new Set<object>();

  constructor({ sortKeys = false, indent = null, ensureAscii = true, secrets = 'sealed' }: JsonDumpOptions) {
    this.#sortKeys = sortKeys;
    this.#indent = indent === null ? undefined : typeof indent === 'number' ? ' '.repeat(Math.max(indent, 0)) : indent;
    this.#ensureAscii = ensureAscii;
    this.#revealed = secrets === 'revealed';
  }

  write(value: Value, margin: string): string {
    if (value === null) return 'null';
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'boolean' || isInteger(value)) return String(value);
    if (isFloat(value)) return jsonFloat(value instanceof PyFloat ? value.value : value);
    if (value instanceof Secret) return this.#text(this.#revealed ? value.reveal() : value.toString());
    if (Array.isArray(value)) return this.#container(value, margin, '[]', (inner) => this.#items(value, inner));
    if (value instanceof PyTuple)
      return this.#container(value, margin, '[]', (inner) => this.#items(value.items, inner));
    if (value instanceof PyMap) return this.#container(value, margin, '{}', (inner) => this.#pairs(value, inner));
    throw notSerializable(`a value of type ${typeName(value)} has no JSON form`);
  }

  #container(value: object, margin: string, [open, close]: string, parts: (inner: string) => string[]): string {
    if (this.#open.has(value)) throw notSerializable('a container inside itself has no JSON form');
    this.#open.add(value);
    const inner = margin + (this.#indent ?? '');
    const written = parts(inner);
    this.#open.delete(value);
    if (written.length === 0) return open! + close!;
    if (this.#indent === undefined) return `${open}${written.join(', ')}${close}`;
    return `${open}\n${inner}${written.join(`,\n${inner}`)}\n${margin}${close}`;
  }

  #items(items: readonly Value[], margin: string): string[] {
    return items.map((item) => this.write(item, margin));
  }

  #pairs(map: PyMap, margin: string): string[] {
    return this.#ordered(map).map(([key, value]) => `${this.#text(keyText(key))}: ${this.write(value, margin)}`);
  }

  #ordered(map: PyMap): readonly (readonly [Value, Value])[] {
    if (!this.#sortKeys) return [...map];
    const sorted = sortedPairs(map);
    const incomparable = sorted.some(([key], at) => at > 0 && compareKeys(sorted[at - 1]![0], key) === undefined);
    if (incomparable) throw notSerializable('keys of different types cannot be sorted');
    return sorted;
  }

  #text(text: string): string {
    const special = this.#ensureAscii ? /["\\]|[^ -~]/g : /["\\]|[^ -\uffff]/g;
    return `"${text.replace(special, (char) => ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

function keyText(key: Value): string {
  if (typeof key === 'string') return key;
  if (key === null || typeof key === 'boolean' || isInteger(key)) return String(key);
  if (isFloat(key)) return jsonFloat(key instanceof PyFloat ? key.value : key);
  throw notSerializable(`a key of type ${typeName(key)} has no JSON form`);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatText(value);
}

function typeName(value: Value): string {
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof PyTuple) return 'tuple';
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : 'set';
}

function notSerializable(message: string): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    message,
    {},
    { hint: 'Turn it into text, numbers, lists and mappings first.' },
  );
}
