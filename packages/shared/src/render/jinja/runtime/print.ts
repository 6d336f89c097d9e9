import { Secret } from '../../../kernel/index.ts';
import { PyDate, PyFloat, PyMap, PySet, PyTuple } from '../../../values/index.ts';
import { spend } from './effort.ts';
import { LimitFault, PyFault } from './fault.ts';
import { setItems, sizeOf } from './iterate.ts';
import {
  Builtin,
  DictView,
  isCallable,
  Markup,
  Members,
  NamedTuple,
  Namespace,
  PyIterator,
  PyRange,
  Undefined,
} from './types.ts';

/** Longest text a template may build. */
export const MAX_TEXT = 8 * 1024 * 1024;

/** Python's `str(value)`; undefined names fail or print nothing. */
export function str(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}` : floatRepr(value);
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) {
    if (value.strict) throw value.fault();
    return '';
  }
  if (value instanceof PyDate) return value.iso.replace('T', ' ');
  if (value instanceof PyFault) return value.message;
  return repr(value);
}

/**
 * What `{{ value }}` prints. Salt prints a mapping itself: its values as `str` gives them, texts quoted.
 */
export function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof PyMap) return printedMap(value, 0);
  if (Array.isArray(value) || value instanceof PyTuple) refuseNamed(value);
  return str(value);
}

function printedMap(map: PyMap, depth: number): string {
  spend(map.size * 200);
  if (depth > 100) return repr(map);
  const parts: string[] = [];
  for (const [key, item] of map as Iterable<[unknown, unknown]>) {
    const shown =
      typeof item === 'string' || item instanceof Markup
        ? repr(item)
        : item instanceof PyMap
          ? printedMap(item, depth + 1)
          : str(item);
    parts.push(`${repr(key)}: ${shown}`);
  }
  return `{${parts.join(', ')}}`;
}

/** Salt rebuilds tuples when it prints them, which those with named fields do not survive. */
function refuseNamed(value: readonly unknown[] | PyTuple): void {
  const isNamed = (item: unknown): boolean => item instanceof NamedTuple;
  if (isNamed(value) || (Array.isArray(value) && value.some(isNamed))) {
    throw new PyFault(
      'TypeError',
      "_GroupTuple.__new__() missing 1 required positional argument: 'list'",
      'Print the members of a group, not the group.',
    );
  }
}

/** Python's `repr(value)`. */
export function repr(value: unknown): string {
  return reprInside(value, []);
}

function reprInside(value: unknown, open: unknown[]): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return Number.isInteger(value) ? `${value}` : floatRepr(value);
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? 'None' : reprObject(value, open);
    default:
      return '<object>';
  }
}

function reprObject(value: object, open: unknown[]): string {
  if (value instanceof PyFloat) return floatRepr(value.value);
  if (value instanceof Markup) return `Markup(${quote(value.text)})`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Uint8Array) return bytesRepr(value);
  if (value instanceof PyDate) return dateRepr(value);
  if (value instanceof Secret) return value.toString();
  if (value instanceof PyRange) {
    const step = value.step === 1 ? '' : `, ${value.step}`;
    return `range(${value.start}, ${value.stop}${step})`;
  }
  if (value instanceof PyIterator) return `<${value.typeName} object>`;
  if (value instanceof Members) return value.print();
  if (open.includes(value)) return value instanceof PyMap ? '{...}' : '[...]';
  if (open.length > 200)
    throw new PyFault('RecursionError', 'maximum recursion depth exceeded while getting the repr of an object');
  open.push(value);
  spend(sizeOf(value) * 200);
  const text = reprContainer(value, open);
  open.pop();
  if (text.length > MAX_TEXT) throw textLimit(text.length);
  return text;
}

function reprContainer(value: object, open: unknown[]): string {
  if (Array.isArray(value)) return `[${joined(value, open)}]`;
  if (value instanceof PyMap) return `{${pairs(value, open)}}`;
  if (value instanceof PyTuple) return `(${joined(value.items, open)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof PySet) return value.size === 0 ? 'set()' : `{${joined(setItems(value), open)}}`;
  if (value instanceof DictView) return `dict_${value.kind}([${joined([...value], open)}])`;
  if (value instanceof Namespace) return `<Namespace {${pairs(value.attributes, open)}}>`;
  if (value instanceof Builtin) return value.shown;
  return isCallable(value) ? `<function ${value.name}>` : '<object>';
}

function joined(items: readonly unknown[], open: unknown[]): string {
  return items.map((item) => reprInside(item, open)).join(', ');
}

function pairs(map: Iterable<readonly [unknown, unknown]>, open: unknown[]): string {
  const parts: string[] = [];
  for (const [key, item] of map) parts.push(`${reprInside(key, open)}: ${reprInside(item, open)}`);
  return parts.join(', ');
}

/** The limit a text of `length` characters exceeds. */
export function textLimit(length: number): LimitFault {
  return new LimitFault(
    `a text of ${length} characters is longer than the ${MAX_TEXT} a template may build`,
    'Build less text.',
  );
}

/** Python's `repr` of a float. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const PLAIN = /^[ -&(-[\]-~]*$/;
/** What a quoted text may not show as it is. */
const SPECIAL = /['\\]|[^ -~]/gu;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/** Python's `repr` of a text. */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `'${text}'`;
  spend(text.length * 20);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const shown = text.replace(SPECIAL, (character) => {
    const short = SHORT[character];
    if (short !== undefined) return short;
    if (character === "'" || PRINTABLE.test(character)) return character === mark ? `\\${character}` : character;
    return escaped(character.codePointAt(0)!);
  });
  return mark + shown + mark;
}

function escaped(point: number): string {
  if (point < 0x100) return `\\x${point.toString(16).padStart(2, '0')}`;
  if (point < 0x10000) return `\\u${point.toString(16).padStart(4, '0')}`;
  return `\\U${point.toString(16).padStart(8, '0')}`;
}

function bytesRepr(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = `b${mark}`;
  for (const character of text) {
    if (SHORT[character] !== undefined) out += SHORT[character];
    else if (character === mark) out += `\\${character}`;
    else if (character >= ' ' && character < '\x7f') out += character;
    else out += escaped(character.charCodeAt(0));
  }
  return out + mark;
}

function dateRepr(date: PyDate): string {
  const numbers = date.iso.match(/\d+/g)!.map(Number);
  if (date.kind === 'datetime' && numbers.length > 5 && numbers[5] === 0 && numbers.length === 6) numbers.pop();
  return `datetime.${date.kind}(${numbers.join(', ')})`;
}
