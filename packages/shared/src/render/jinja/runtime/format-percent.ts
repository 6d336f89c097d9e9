import { PyFloat, PyMap, PyTuple } from '../../../values/index.ts';
import { BoundedCache } from '../cache.ts';
import { LimitFault, PyFault, typeError, valueError } from './fault.ts';
import { formatValue, pad } from './format-spec.ts';
import { characters } from './iterate.ts';
import { repr, str } from './print.ts';
import { describeType, Markup, typeName, Undefined } from './types.ts';

const CONVERSION = /%(?:\(([^)]*)\))?([-#0 +]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?([\s\S]?)/g;

/** A conversion such as `%(name)-8.2f`. */
interface Conversion {
  readonly key: string | undefined;
  readonly flags: string;
  readonly width: number | '*';
  readonly precision: number | '*' | undefined;
  readonly type: string;
}

/** Formats are few and used in loops; what one means depends on nothing else. */
const PIECES = new BoundedCache<readonly (string | Conversion)[]>(200);
const LONGEST_KEPT = 1_000;

function piecesOf(format: string): readonly (string | Conversion)[] {
  return format.length > LONGEST_KEPT ? readPieces(format) : PIECES.get(format, () => readPieces(format));
}

function readPieces(format: string): readonly (string | Conversion)[] {
  const pieces: (string | Conversion)[] = [];
  let from = 0;
  for (const match of format.matchAll(CONVERSION)) {
    const [all, key, flags, width, precision, type] = match;
    if (match.index > from) pieces.push(format.slice(from, match.index));
    from = match.index + all.length;
    if (type === '%' && key === undefined) pieces.push('%');
    else
      pieces.push({
        key,
        flags: flags ?? '',
        width: width === '*' ? '*' : Number(width ?? 0),
        precision: precision === '*' ? '*' : precisionOf(all, precision),
        type: type ?? '',
      });
  }
  if (from < format.length) pieces.push(format.slice(from));
  return pieces;
}

/** A point without digits is a precision of 0. */
function precisionOf(conversion: string, digits: string | undefined): number | undefined {
  if (digits !== undefined) return Number(digits);
  return conversion.includes('.') && /\.[hlL]?[a-z]$/i.test(conversion) ? 0 : undefined;
}

/** Python's `format % values`. `convert` prepares texts, as Markup does. */
export function formatPercent(format: string, values: unknown, convert: (value: unknown) => unknown): string {
  const list: readonly unknown[] = values instanceof PyTuple ? values.items : [values];
  let used = 0;
  let named = false;
  const next = (): unknown => {
    if (used >= list.length) throw typeError('not enough arguments for format string');
    used += 1;
    return list[used - 1];
  };
  let text = '';
  for (const piece of piecesOf(format)) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    const { key, flags, type } = piece;
    if (type === '') throw valueError('incomplete format');
    if (key !== undefined) named = true;
    const wide = piece.width === '*' ? Number(next()) : piece.width;
    const precise = piece.precision === '*' ? Number(next()) : piece.precision;
    if (wide > 1_000_000 || (precise ?? 0) > 1_000_000)
      throw new LimitFault(`a field of ${wide} characters`, 'Use a smaller width.');
    const value = key === undefined ? next() : member(values, key);
    const body = convertOne(convert(value), type, flags, precise);
    const numeric = !'srac'.includes(type);
    const fill = numeric && flags.includes('0') && !flags.includes('-') ? '0' : ' ';
    text += pad(body, wide, fill, flags.includes('-') ? '<' : fill === '0' ? '=' : '>');
  }
  const consumes =
    values instanceof PyTuple ? used < list.length : used === 0 && !(values instanceof PyMap) && !Array.isArray(values);
  if (consumes && !named) throw typeError('not all arguments converted during string formatting');
  return text;
}

function member(values: unknown, key: string): unknown {
  if (!(values instanceof PyMap)) throw typeError('format requires a mapping');
  const value = values.get(key);
  if (value === undefined) throw new PyFault('KeyError', repr(key));
  return value;
}

function convertOne(value: unknown, type: string, flags: string, precision: number | undefined): string {
  const sign = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  switch (type) {
    case 's':
    case 'r':
    case 'a': {
      const text = type === 's' ? str(value) : value instanceof Markup ? repr(value.text) : repr(value);
      return precision === undefined ? text : characters(text).slice(0, precision).join('');
    }
    case 'c':
      if (typeof value === 'number') return String.fromCodePoint(value);
      return str(value);
    case 'd':
    case 'i':
    case 'u': {
      const digits = formatValue(integerOf(value, type), sign);
      return precision === undefined ? digits : digits.replace(/\d+/, (text) => text.padStart(precision, '0'));
    }
    case 'x':
    case 'X':
    case 'o':
      if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') {
        failUndefined(value);
        throw typeError(`%${type} format: an integer is required, not ${typeName(value)}`);
      }
      return formatValue(value, `${sign}${flags.includes('#') ? '#' : ''}${type}`);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      const number = floatOf(value);
      return formatValue(number, `${sign}${flags.includes('#') ? '#' : ''}.${precision ?? 6}${type}`);
    }
    default:
      throw valueError(`unsupported format character '${type}' (0x${type.codePointAt(0)!.toString(16)})`);
  }
}

function failUndefined(value: unknown): void {
  if (value instanceof Undefined) throw value.fault();
}

function integerOf(value: unknown, type: string): number | bigint {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Math.trunc(value);
  if (value instanceof PyFloat) return Math.trunc(value.value);
  failUndefined(value);
  throw typeError(`%${type} format: a real number is required, not ${typeName(value)}`);
}

function floatOf(value: unknown): PyFloat {
  if (value instanceof PyFloat) return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return new PyFloat(Number(value));
  failUndefined(value);
  throw typeError(`must be real number, not ${describeType(value).replace(' object', '')}`);
}
