import { PyFloat, PyMap, PyTuple } from '../../../values/index.ts';
import { compare } from '../runtime/comparison.ts';
import { typeError } from '../runtime/fault.ts';
import { floatRepr, str } from '../runtime/print.ts';
import { textOf, typeName } from '../runtime/types.ts';

/** Options of Python's `json.dumps`. */
export interface JsonOptions {
  readonly sortKeys: boolean;
  readonly indent: number | string | null;
  readonly ascii: boolean;
  /** Between elements and behind keys; Python's defaults where absent. */
  readonly separators?: readonly [string, string];
}

/** Python's `json.dumps(value)`. */
export function dumpJson(value: unknown, options: JsonOptions): string {
  return new Dumper(options).dump(value, '\n');
}

class Dumper {
  readonly #options: JsonOptions;
  readonly #step: string | undefined;
  readonly #item: string;
  readonly #key: string;
  #depth = 0;

  constructor(options: JsonOptions) {
    this.#options = options;
    const { indent } = options;
    this.#step =
      indent === null
        ? undefined
        : typeof indent === 'number'
          ? ' '.repeat(Math.min(Math.max(0, indent), 1000))
          : indent;
    this.#item = options.separators?.[0] ?? (this.#step === undefined ? ', ' : ',');
    this.#key = options.separators?.[1] ?? ': ';
  }

  dump(value: unknown, newline: string): string {
    const text = textOf(value);
    if (text !== undefined) return jsonText(text, this.#options.ascii);
    if (value === null) return 'null';
    if (typeof value === 'boolean') return value ? 'true' : 'false';
    if (typeof value === 'number' || typeof value === 'bigint' || value instanceof PyFloat) return jsonNumber(value);
    if (this.#depth > 150) throw typeError('Circular reference detected');
    this.#depth += 1;
    const dumped = this.#container(value, newline);
    this.#depth -= 1;
    return dumped;
  }

  #container(value: unknown, newline: string): string {
    const inner = this.#step === undefined ? '' : newline + this.#step;
    const outer = this.#step === undefined ? '' : newline;
    const below = newline + (this.#step ?? '');
    if (value instanceof PyMap) {
      let entries = [...value];
      if (this.#options.sortKeys) entries = entries.sort(([a], [b]) => compare(a, b));
      if (entries.length === 0) return '{}';
      const parts = entries.map(
        ([key, item]) => `${inner}${jsonText(keyText(key), this.#options.ascii)}${this.#key}${this.dump(item, below)}`,
      );
      return `{${parts.join(this.#item)}${outer}}`;
    }
    const items = Array.isArray(value) ? (value as unknown[]) : value instanceof PyTuple ? value.items : undefined;
    if (!items) {
      throw typeError(`Object of type ${typeName(value)} is not JSON serializable`);
    }
    if (items.length === 0) return '[]';
    return `[${items.map((item) => inner + this.dump(item, below)).join(this.#item)}${outer}]`;
  }
}

function keyText(key: unknown): string {
  if (key === null) return 'null';
  if (typeof key === 'boolean') return key ? 'true' : 'false';
  if (key instanceof PyTuple) throw typeError('keys must be str, int, float, bool or None, not tuple');
  return str(key);
}

function jsonNumber(value: number | bigint | PyFloat): string {
  if (typeof value === 'bigint') return value.toString();
  const number = value instanceof PyFloat ? value.value : value;
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? 'Infinity' : '-Infinity';
  return value instanceof PyFloat || !Number.isInteger(number) ? floatRepr(number) : String(number);
}

/** A text as JSON writes it, non-ASCII escaped where asked. */
export function jsonText(text: string, ascii: boolean): string {
  const plain = JSON.stringify(text);
  if (!ascii) return plain;
  return plain.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
