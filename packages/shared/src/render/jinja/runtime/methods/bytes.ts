import { PyFault, typeError } from '../fault.ts';
import { define } from '../signature.ts';
import { type Builtin, textOf, typeName } from '../types.ts';

const LATIN = new Set(['latin1', 'latin', 'iso88591', 'l1']);

/** Python's `str.encode`. */
export function encodeText(text: string, encoding: string, errors: string): Uint8Array {
  const name = encoding.toLowerCase().replace(/[-_ ]/g, '');
  if (name === 'utf8') return new Uint8Array(Buffer.from(text, 'utf8'));
  if (name === 'utf16le' || name === 'utf16') {
    const body = Buffer.from(text, 'utf16le');
    return new Uint8Array(name === 'utf16' ? Buffer.concat([Buffer.from([0xff, 0xfe]), body]) : body);
  }
  const limit = LATIN.has(name) ? 256 : name === 'ascii' || name === 'usascii' ? 128 : 0;
  if (limit === 0) throw new PyFault('LookupError', `unknown encoding: ${encoding}`);
  const bytes: number[] = [];
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (point < limit) bytes.push(point);
    else if (errors === 'replace') bytes.push(63);
    else if (errors !== 'ignore') {
      throw new PyFault(
        'UnicodeEncodeError',
        `'${encoding}' codec can't encode character ${JSON.stringify(character)}: ordinal not in range(${limit})`,
      );
    }
  }
  return new Uint8Array(bytes);
}

/** Python's `bytes.decode`. */
function decodeBytes(bytes: Uint8Array, encoding = 'utf-8', errors = 'strict'): string {
  const name = encoding.toLowerCase().replace(/[-_ ]/g, '');
  if (LATIN.has(name)) return Buffer.from(bytes).toString('latin1');
  if (name === 'utf16' || name === 'utf16le') return new TextDecoder('utf-16le').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: errors === 'strict', ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw Object.assign(new PyFault('UnicodeDecodeError', `'${encoding}' codec can't decode these bytes`), { cause });
  }
}

/** Python's `bytes` methods. */
export const BYTES_METHODS: ReadonlyMap<string, Builtin> = new Map(
  [
    define(
      "decode(self, encoding='utf-8', errors='strict')",
      (_env, self: Uint8Array, encoding: unknown, errors: unknown) =>
        decodeBytes(self, textOf(encoding) ?? 'utf-8', textOf(errors) ?? 'strict'),
    ),
    define('hex(self, /)', (_env, self: Uint8Array) => Buffer.from(self).toString('hex')),
    define('startswith(self, prefix, /)', (_env, self: Uint8Array, prefix: unknown) => affix(self, prefix, false)),
    define('endswith(self, suffix, /)', (_env, self: Uint8Array, suffix: unknown) => affix(self, suffix, true)),
    define('upper(self, /)', (_env, self: Uint8Array) =>
      encodeText(decodeBytes(self, 'latin1').toUpperCase(), 'latin1', 'ignore'),
    ),
    define('lower(self, /)', (_env, self: Uint8Array) =>
      encodeText(decodeBytes(self, 'latin1').toLowerCase(), 'latin1', 'ignore'),
    ),
    define('strip(self, /)', (_env, self: Uint8Array) =>
      encodeText(decodeBytes(self, 'latin1').trim(), 'latin1', 'ignore'),
    ),
  ].map((method) => [method.name, method]),
);

function affix(self: Uint8Array, other: unknown, end: boolean): boolean {
  if (!(other instanceof Uint8Array)) throw typeError(`a bytes-like object is required, not '${typeName(other)}'`);
  const inside = end ? self.subarray(Math.max(0, self.length - other.length)) : self.subarray(0, other.length);
  return Buffer.compare(inside, other) === 0;
}
