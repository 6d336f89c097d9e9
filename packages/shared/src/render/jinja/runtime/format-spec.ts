import { PyFloat } from '../../../values/index.ts';
import { LimitFault, valueError } from './fault.ts';
import { characters, length } from './iterate.ts';
import { floatRepr, str } from './print.ts';
import { textOf, typeName } from './types.ts';

const SPEC = /^(?:([\s\S])?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;
const MAX_WIDTH = 1_000_000;

/** Python's `format(value, spec)`. */
export function formatValue(value: unknown, spec: string): string {
  if (spec === '') return str(value);
  const match = SPEC.exec(spec);
  if (!match) throw valueError(`Invalid format specifier '${spec}' for object of type '${typeName(value)}'`);
  const [, fill, align, sign, , alternate, zero, width, grouping, precision, type] = match;
  if (Number(width ?? 0) > MAX_WIDTH || Number(precision ?? 0) > MAX_WIDTH) {
    throw new LimitFault(`a field of ${width ?? precision} characters`, `Use a width up to ${MAX_WIDTH}.`);
  }
  const text = textOf(value);
  const how = {
    sign: sign ?? '-',
    alternate: alternate !== undefined,
    grouping,
    type,
    precision: precision === undefined ? undefined : Number(precision),
  };
  let body: string;
  let defaultAlign: string;
  if (text !== undefined || !isNumber(value)) {
    if (type !== undefined && type !== 's') throw unknownType(type, value);
    const shown = text ?? str(value);
    body = precision === undefined ? shown : characters(shown).slice(0, Number(precision)).join('');
    defaultAlign = '<';
  } else {
    body = formatNumber(value, how);
    defaultAlign = zero && !align ? '=' : '>';
  }
  return pad(body, Number(width ?? 0), fill ?? (zero ? '0' : ' '), align ?? defaultAlign);
}

function isNumber(value: unknown): value is number | bigint | boolean | PyFloat {
  return (
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value instanceof PyFloat
  );
}

function unknownType(type: string, value: unknown): Error {
  return valueError(`Unknown format code '${type}' for object of type '${typeName(value)}'`);
}

interface NumberFormat {
  readonly sign: string;
  readonly alternate: boolean;
  readonly grouping: string | undefined;
  readonly type: string | undefined;
  readonly precision: number | undefined;
}

function formatNumber(value: number | bigint | boolean | PyFloat, how: NumberFormat): string {
  const plain = value instanceof PyFloat ? value.value : typeof value === 'boolean' ? Number(value) : value;
  const isInt = !(value instanceof PyFloat) && (typeof plain === 'bigint' || Number.isInteger(plain));
  const { type } = how;
  const negative = plain < 0 || Object.is(plain, -0);
  const size = negative ? -plain : plain;
  let digits: string;
  if (isInt && (type === undefined || 'dbxXon'.includes(type) || type === 'c'))
    digits = integerDigits(BigInt(size), how);
  else {
    if (type !== undefined && !'eEfFgGn%'.includes(type)) throw unknownType(type, value);
    digits = groupDigits(floatDigits(Number(size), how), how.grouping);
  }
  const sign = negative ? '-' : how.sign === '-' ? '' : how.sign;
  return sign + digits;
}

function integerDigits(size: bigint, { type, alternate, grouping }: NumberFormat): string {
  switch (type) {
    case 'b':
      return (alternate ? '0b' : '') + groupDigits(size.toString(2), grouping, 4);
    case 'o':
      return (alternate ? '0o' : '') + groupDigits(size.toString(8), grouping, 4);
    case 'x':
      return (alternate ? '0x' : '') + groupDigits(size.toString(16), grouping, 4);
    case 'X':
      return (alternate ? '0X' : '') + groupDigits(size.toString(16).toUpperCase(), grouping, 4);
    case 'c':
      return String.fromCodePoint(Number(size));
    default:
      return groupDigits(size.toString(), grouping);
  }
}

function groupDigits(text: string, grouping: string | undefined, size = 3): string {
  if (!grouping) return text;
  const [whole, ...rest] = text.split(/(?=[.e%])/);
  return whole!.replace(new RegExp(`(?<=\\w)(?=(?:\\w{${size}})+$)`, 'g'), grouping) + rest.join('');
}

function floatDigits(size: number, { type, precision, alternate }: NumberFormat): string {
  if (!Number.isFinite(size)) return Number.isNaN(size) ? 'nan' : 'inf';
  switch (type) {
    case undefined:
      if (precision === undefined) return floatRepr(size);
      return general(size, precision || 1, alternate, true);
    case 'e':
    case 'E': {
      const text = exponent(size.toExponential(Math.min(precision ?? 6, 100)));
      return type === 'E' ? text.toUpperCase() : text;
    }
    case 'f':
    case 'F':
      return fixed(size, precision ?? 6);
    case '%':
      return `${fixed(size * 100, precision ?? 6)}%`;
    default: {
      const text = general(size, precision === 0 ? 1 : (precision ?? 6), alternate, false);
      return type === 'G' ? text.toUpperCase() : text;
    }
  }
}

/** `size` with `places` decimals, exact ties going to even as in C. */
export function fixed(size: number, places: number): string {
  if (size < 1e21 && places <= 100) {
    const exact = places < 40 ? size.toFixed(places + 60) : '';
    const kept = exact.slice(0, exact.length - 60);
    const isTie = exact !== '' && /^50*$/.test(exact.slice(exact.length - 60));
    if (isTie && /[02468]\.?$/.test(kept)) return places === 0 ? kept.slice(0, -1) : kept;
    return size.toFixed(places);
  }
  const whole = BigInt(Math.trunc(size)).toString();
  return places === 0 ? whole : `${whole}.${'0'.repeat(places)}`;
}

function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function general(size: number, precision: number, alternate: boolean, keepsPoint: boolean): string {
  const digits = Math.min(precision, 100);
  const power = size === 0 ? 0 : Number(size.toExponential(digits - 1).split('e')[1]);
  const scientific = power < -4 || power >= (keepsPoint ? Math.max(digits, 1) : digits);
  const text = scientific ? size.toExponential(digits - 1) : size.toFixed(Math.max(0, digits - 1 - power));
  const trimmed = alternate || !text.includes('.') ? text : text.replace(/\.?0+(?=e|$)/, '');
  const shown = scientific ? exponent(trimmed) : trimmed;
  return keepsPoint && !/[.e]/.test(shown) ? `${shown}.0` : shown;
}

/** `body` filled up to `width` characters. */
export function pad(body: string, width: number, fill: string, align: string): string {
  const missing = width === 0 ? 0 : width - length(body);
  if (missing <= 0) return body;
  if (align === '<') return body + fill.repeat(missing);
  if (align === '>') return fill.repeat(missing) + body;
  if (align === '^') return fill.repeat(Math.floor(missing / 2)) + body + fill.repeat(Math.ceil(missing / 2));
  const [, sign, rest] = /^([-+ ]?(?:0[bxXo])?)([\s\S]*)$/.exec(body)!;
  return sign + fill.repeat(missing) + rest;
}
