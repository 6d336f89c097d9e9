import { float, type PyDate, PyFloat, PyTuple } from '../../../../values/index.ts';
import { strftime } from '../dates.ts';
import { PyFault } from '../fault.ts';
import { define } from '../signature.ts';
import { type Builtin, textOf } from '../types.ts';

function table(...methods: readonly Builtin[]): ReadonlyMap<string, Builtin> {
  return new Map(methods.map((method) => [method.name, method]));
}

/** Python's `int` methods. */
export const INTEGER_METHODS = table(
  define('bit_length(self, /)', (_env, self: number | bigint | boolean) => {
    const size = BigInt(self);
    return size === 0n ? 0 : (size < 0n ? -size : size).toString(2).length;
  }),
  define('conjugate(self, /)', (_env, self: unknown) => self),
  define('is_integer(self, /)', () => true),
  define('as_integer_ratio(self, /)', (_env, self: number) => new PyTuple([self, 1])),
  define("to_bytes(self, length=1, byteorder='big')", (_env, self: number | bigint, length: number, order: unknown) => {
    const bytes = Array.from({ length }, (_, at) => Number((BigInt(self) >> BigInt(8 * at)) & 0xffn));
    if (BigInt(self) >> BigInt(8 * length) !== 0n) throw new PyFault('OverflowError', 'int too big to convert');
    return new Uint8Array(textOf(order) === 'little' ? bytes : bytes.reverse());
  }),
);

/** Python's `float` methods. */
export const FLOAT_METHODS = table(
  define(
    'is_integer(self, /)',
    (_env, self: number | PyFloat) => self instanceof PyFloat && Number.isFinite(self.value),
  ),
  define('conjugate(self, /)', (_env, self: unknown) => self),
  define('hex(self, /)', (_env, self: number | PyFloat) => hexOf(self instanceof PyFloat ? self.value : self)),
);

/** Python's `date` and `datetime` methods. */
export const DATE_METHODS = table(
  define('isoformat(self, /)', (_env, self: PyDate) => self.iso),
  define('strftime(self, format)', (_env, self: PyDate, format: unknown) =>
    strftime(dateOf(self), textOf(format) ?? ''),
  ),
  define('weekday(self, /)', (_env, self: PyDate) => (dateOf(self).getUTCDay() + 6) % 7),
  define('isoweekday(self, /)', (_env, self: PyDate) => dateOf(self).getUTCDay() || 7),
  define('timestamp(self, /)', (_env, self: PyDate) => float(dateOf(self).getTime() / 1000)),
);

/** The instant of a date, read as UTC. */
export function dateOf(date: PyDate): Date {
  const iso = date.iso.length > 10 && !/(?:Z|[+-]\d\d:\d\d)$/.test(date.iso) ? `${date.iso}Z` : date.iso;
  return new Date(iso);
}

/** C's `%a`, as Python writes it: thirteen hexadecimal digits behind the point. */
function hexOf(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = Number(bits >> 52n);
  const digits = (bits & 0xfffffffffffffn).toString(16).padStart(13, '0');
  if (exponent === 0) return digits === '0'.repeat(13) ? `${sign}0x0.0p+0` : `${sign}0x0.${digits}p-1022`;
  const power = exponent - 1023;
  return `${sign}0x1.${digits}p${power < 0 ? '' : '+'}${power}`;
}
