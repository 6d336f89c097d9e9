import { float, integer, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { spend } from './effort.ts';
import { escapeMarkup } from './escape.ts';
import { LimitFault, PyFault, typeError } from './fault.ts';
import { formatPercent } from './format-percent.ts';
import { MAX_ITEMS } from './iterate.ts';
import { failing, isFloating, type Numeric, numeric, setOf, toNumber, unsupported } from './operands.ts';
import { MAX_TEXT, str, textLimit } from './print.ts';
import { isText, Markup, textOf, typeName } from './types.ts';

/** `left + right`. */
export function add(left: unknown, right: unknown): unknown {
  if (typeof left === 'string' && typeof right === 'string') return bounded(left + right);
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum) && Number.isInteger(left) && Number.isInteger(right)) return sum;
  }
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined)
    return arithmetic(
      a,
      b,
      (x, y) => x + y,
      (x, y) => x + y,
    );
  if (Array.isArray(left) && Array.isArray(right)) return boundedList([left, right]);
  if (left instanceof PyTuple && right instanceof PyTuple)
    return new PyTuple(boundedList([left.items, right.items]) as Value[]);
  if (isText(left) && isText(right)) return addMarkup(left, right);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return new Uint8Array([...left, ...right]);
  failing(left);
  failing(right);
  if (isText(left)) throw typeError(`can only concatenate str (not "${typeName(right)}") to str`);
  if (Array.isArray(left)) throw typeError(`can only concatenate list (not "${typeName(right)}") to list`);
  if (left instanceof PyTuple) throw typeError(`can only concatenate tuple (not "${typeName(right)}") to tuple`);
  throw unsupported('+', left, right);
}

function addMarkup(left: string | Markup, right: string | Markup): Markup {
  return new Markup(bounded(escapeMarkup(left).text + escapeMarkup(right).text));
}

function bounded(text: string): string {
  if (text.length > MAX_TEXT) throw textLimit(text.length);
  spend(text.length);
  return text;
}

function boundedList(parts: readonly (readonly unknown[])[]): unknown[] {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > MAX_ITEMS) throw listLimit(size);
  spend(size * 10);
  return parts.flat(1) as unknown[];
}

function listLimit(size: number): LimitFault {
  return new LimitFault(
    `a list of ${size} elements is longer than the ${MAX_ITEMS} a template may build`,
    'Build a shorter list.',
  );
}

function arithmetic(
  a: Numeric,
  b: Numeric,
  ints: (x: bigint, y: bigint) => bigint,
  floats: (x: number, y: number) => number,
): Value {
  if (isFloating(a) || isFloating(b)) return float(floats(toNumber(a), toNumber(b)));
  if (typeof a === 'number' && typeof b === 'number') {
    const quick = floats(a, b);
    if (Number.isSafeInteger(quick)) return quick;
  }
  return integer(ints(BigInt(a as number), BigInt(b as number)));
}

/** `left - right`. */
export function sub(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined)
    return arithmetic(
      a,
      b,
      (x, y) => x - y,
      (x, y) => x - y,
    );
  const [one, other] = [setOf(left), setOf(right)];
  if (one && other) return new PySet([...one].filter((item) => !other.has(item)));
  throw unsupported('-', left, right);
}

/** `left * right`. */
export function mul(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) {
    return arithmetic(
      a,
      b,
      (x, y) => boundedInteger(x, y) && x * y,
      (x, y) => x * y,
    );
  }
  if (a !== undefined && !isFloating(a)) return repeat(right, toNumber(a), left, right);
  if (b !== undefined && !isFloating(b)) return repeat(left, toNumber(b), left, right);
  throw cannotRepeat(left, right);
}

function boundedInteger(x: bigint, y: bigint): bigint {
  const digits = x.toString(16).length + y.toString(16).length;
  if (digits > 10_000) throw new LimitFault(`an integer of about ${digits} digits`, 'Compute with smaller numbers.');
  return 1n;
}

function cannotRepeat(left: unknown, right: unknown): PyFault {
  failing(left);
  failing(right);
  const isSequence = (value: unknown): boolean => isText(value) || Array.isArray(value) || value instanceof PyTuple;
  if (isSequence(left) || isSequence(right)) {
    const other = isSequence(left) ? right : left;
    return typeError(`can't multiply sequence by non-int of type '${typeName(other)}'`);
  }
  return unsupported('*', left, right);
}

function repeat(value: unknown, count: number, left: unknown, right: unknown): unknown {
  const times = Math.max(0, count);
  const text = textOf(value);
  if (text !== undefined) {
    if (text.length * times > MAX_TEXT) throw textLimit(text.length * times);
    spend(text.length * times);
    return value instanceof Markup ? new Markup(text.repeat(times)) : text.repeat(times);
  }
  const items = Array.isArray(value) ? (value as unknown[]) : value instanceof PyTuple ? value.items : undefined;
  if (!items) throw cannotRepeat(left, right);
  if (items.length * times > MAX_ITEMS) throw listLimit(items.length * times);
  spend(items.length * times * 50);
  const repeated = Array.from({ length: items.length * times }, (_, index) => items[index % items.length]);
  return value instanceof PyTuple ? new PyTuple(repeated as Value[]) : repeated;
}

/** `left / right`, always a float. */
export function div(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('/', left, right);
  if (toNumber(b) === 0)
    throw new PyFault(
      'ZeroDivisionError',
      isFloating(a) || isFloating(b) ? 'float division by zero' : 'division by zero',
    );
  return float(toNumber(a) / toNumber(b));
}

/** `left // right`. */
export function floordiv(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('//', left, right);
  const floating = isFloating(a) || isFloating(b);
  if (toNumber(b) === 0) {
    throw new PyFault(
      'ZeroDivisionError',
      floating ? 'float floor division by zero' : 'integer division or modulo by zero',
    );
  }
  return arithmetic(a, b, floorDivide, (x, y) => Math.floor(x / y));
}

function floorDivide(x: bigint, y: bigint): bigint {
  const quotient = x / y;
  return x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient;
}

/** `left % right`: the remainder, or `%` formatting of a text. */
export function mod(left: unknown, right: unknown): unknown {
  if (typeof left === 'string') return bounded(formatPercent(left, right, (value) => value));
  if (left instanceof Markup)
    return new Markup(
      bounded(
        formatPercent(left.text, right, (value) => (typeof value === 'string' ? escapeMarkup(value).text : value)),
      ),
    );
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('%', left, right);
  if (toNumber(b) === 0) {
    throw new PyFault('ZeroDivisionError', isFloating(a) || isFloating(b) ? 'float modulo' : 'integer modulo by zero');
  }
  return arithmetic(a, b, (x, y) => x - floorDivide(x, y) * y, floatModulo);
}

function floatModulo(x: number, y: number): number {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
}

/** `left ** right`. */
export function pow(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('** or pow()', left, right);
  if (!isFloating(a) && !isFloating(b) && toNumber(b) >= 0) {
    const size = a.toString().length * toNumber(b);
    if (size > 20_000) throw new LimitFault(`an integer of about ${size} digits`, 'Compute with smaller numbers.');
    return integer(BigInt(a as number) ** BigInt(b as number));
  }
  if (toNumber(a) === 0 && toNumber(b) < 0) {
    throw new PyFault('ZeroDivisionError', '0.0 cannot be raised to a negative power');
  }
  return float(toNumber(a) ** toNumber(b));
}

/** `-value`. */
export function neg(value: unknown): unknown {
  const number = numeric(value);
  if (number === undefined) throw badUnary('-', value);
  if (typeof number === 'bigint') return integer(-number);
  return isFloating(number) ? float(-toNumber(number)) : 0 - (number as number);
}

/** `+value`. */
export function pos(value: unknown): unknown {
  const number = numeric(value);
  if (number === undefined) throw badUnary('+', value);
  return number;
}

function badUnary(operator: string, value: unknown): PyFault {
  failing(value);
  return typeError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
}

/** `a ~ b ~ …`. */
export function join(items: readonly unknown[]): string {
  let text = '';
  for (const item of items) text += typeof item === 'string' ? item : str(item);
  return bounded(text);
}
