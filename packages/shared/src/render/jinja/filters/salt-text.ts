import { createHash, createHmac, randomBytes, randomInt } from 'node:crypto';
import { float, PyDate, PyFloat, PyMap, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { localTime, parseDate, strftime } from '../runtime/dates.ts';
import type { Env } from '../runtime/env.ts';
import { PyFault, typeError, valueError } from '../runtime/fault.ts';
import { sequence } from '../runtime/iterate.ts';
import { encodeText } from '../runtime/methods/bytes.ts';
import { dateOf } from '../runtime/methods/numbers.ts';
import { index, numeric, toNumber, truth } from '../runtime/operands.ts';
import { str } from '../runtime/print.ts';
import { regexEscape, regexMatch, regexReplace } from '../runtime/regex.ts';
import { define } from '../runtime/signature.ts';
import { Builtin, textOf, typeName, Undefined } from '../runtime/types.ts';
import { parseFloatText, parseInteger } from './collections.ts';

/** The namespace Salt makes UUIDs in: a UUID of the name `saltstack.org`'s own. */
const UUID_NAMESPACE = '91633ebf1c865e33935a28061f4b480e';

function text(value: unknown): string {
  const plain = textOf(value);
  if (plain !== undefined) return plain;
  if (value instanceof Undefined) throw value.fault();
  throw typeError(`expected string or bytes-like object, got '${typeName(value)}'`);
}

function toBool(value: unknown): boolean {
  if (value === null) return false;
  if (typeof value === 'boolean') return value;
  const plain = textOf(value);
  if (plain !== undefined) return ['yes', '1', 'true'].includes(plain.toLowerCase());
  const number = numeric(value);
  if (number !== undefined) return !(value instanceof PyFloat) && toNumber(number) > 0;
  if (value instanceof PyTuple) return false;
  return Array.isArray(value) || value instanceof PyMap || value instanceof PySet ? truth(value) : false;
}

function regexGroups(
  value: unknown,
  pattern: unknown,
  ignoreCase: unknown,
  multiline: unknown,
  how: 'search' | 'match',
): unknown {
  const flags = { ignoreCase: truth(ignoreCase), multiline: truth(multiline) };
  const match = regexMatch(text(pattern), text(value), flags, how);
  return match ? new PyTuple(match.groups as Value[]) : null;
}

function digest(algorithm: string): Builtin {
  return define(`${algorithm}(instr)`, (_env, value: unknown) =>
    createHash(algorithm).update(bytesOf(value)).digest('hex'),
  );
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(str(value), 'utf8');
}

function toNumberText(value: unknown): unknown {
  const plain = textOf(value);
  if (plain === undefined) return value;
  const whole = parseInteger(plain.trim().replaceAll('_', ''), 10);
  if (whole !== undefined) return whole;
  const number = parseFloatText(plain);
  return number === undefined ? plain : float(number);
}

const UNITS = 'BKMGTPEZY';

function humanToBytes(value: unknown, defaultUnit: string, metric: boolean): number {
  const match = /^([-+]?[\d.]+)\s*([a-z]{0,3})$/i.exec(str(value).trim());
  if (!match || Number.isNaN(Number(match[1]))) return 0;
  const unit = (match[2] === '' ? defaultUnit : match[2]!).toUpperCase();
  const letter = unit[0]!;
  const power = UNITS.indexOf(letter);
  if (power === -1 || !/^(?:B|[KMGTPEZY](?:I?B)?)$/.test(unit)) return 0;
  const isDecimal = metric && unit.length === 2 && unit.endsWith('B');
  return Math.trunc(Number(match[1]) * (isDecimal ? 1000 : 1024) ** power);
}

function snakeCase(value: string): string {
  return value
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function camelCase(value: string, upper: boolean): string {
  const joined = value
    .split('_')
    .map((word) => (word === '' ? '_' : word[0]!.toUpperCase() + word.slice(1).toLowerCase()))
    .join('');
  return upper || joined === '' ? joined : joined[0]!.toLowerCase() + joined.slice(1);
}

function dateFrom(value: unknown): Date {
  if (value instanceof PyDate) return dateOf(value);
  if (!truth(value) && value !== 0) return localTime(Date.now() / 1000);
  const number = numeric(value);
  return number === undefined ? parseDate(text(value)) : localTime(toNumber(number));
}

function glob(pattern: string, value: string): boolean {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    const end = character === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (character === '*') source += '[\\s\\S]*';
    else if (character === '?') source += '[\\s\\S]';
    else if (end !== -1) {
      source += `[${pattern
        .slice(at + 1, end)
        .replaceAll('\\', '\\\\')
        .replace(/^!/, '^')}]`;
      at = end;
    } else source += character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  // Stars in a row match the same texts in many ways; one says as much.
  return new RegExp(`^${source.replace(/(?:\[\\s\\S\]\*)+/g, '[\\s\\S]*')}$`, 'u').test(value);
}

function matches(value: string, expressions: unknown): boolean {
  return sequence(expressions).some((expression) => {
    const pattern = str(expression);
    if (pattern === value || glob(pattern, value)) return true;
    try {
      const found = regexMatch(pattern, value, { ignoreCase: false, multiline: false }, 'match');
      return found !== undefined && found.end === value.length;
    } catch (error) {
      if (error instanceof PyFault && error.type === 'error') return false;
      throw error;
    }
  });
}

function checkLists(value: unknown, white: unknown, black: unknown): boolean {
  for (const list of [white, black]) {
    if (list !== null && truth(list) && textOf(list) === undefined && !Array.isArray(list))
      throw typeError(`Expecting list, but got ${typeName(list)}`);
  }
  const asList = (list: unknown): unknown => (textOf(list) === undefined ? list : [list]);
  if (truth(black) && matches(str(value), asList(black))) return false;
  return truth(white) ? matches(str(value), asList(white)) : true;
}

function shellQuote(value: string): string {
  if (value === '') return "''";
  return /^[\w@%+=:,./-]+$/.test(value) && !/[^\x20-\x7e]/.test(value) ? value : `'${value.replaceAll("'", `'"'"'`)}'`;
}

function randomText(size: number, alphabet: string): string {
  return Array.from({ length: Math.min(size, 1_000_000) }, () => alphabet[randomInt(alphabet.length)]).join('');
}

function uuid(value: string): string {
  const hash = createHash('sha1')
    .update(Buffer.concat([Buffer.from(UUID_NAMESPACE, 'hex'), Buffer.from(value, 'utf8')]))
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash
    .toString('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function mysqlToDict(data: unknown, key: string): PyMap {
  const found = new PyMap();
  let headers: string[] = [];
  for (const line of splitRows(data)) {
    if (line.startsWith('+')) continue;
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length < 2) continue;
    const row = cells.slice(1, -1);
    if (headers.length === 0) {
      headers = row;
      continue;
    }
    const map = new PyMap(row.map((cell, at) => [headers[at] ?? String(at), cell] as const));
    const id = map.get(key);
    if (id !== undefined) found.set(id, map);
  }
  return found;
}

function splitRows(data: unknown): string[] {
  return textOf(data) === undefined ? sequence(data).map(str) : textOf(data)!.split('\n');
}

const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function randomHash(size: unknown, algorithm: string): string {
  if (textOf(size) !== undefined) throw typeError('can only concatenate str (not "int") to str');
  const bytes = randomBytes(Math.min(Math.max(1, size === null ? 9_999_999_999 : Math.abs(index(size))), 64));
  return createHash(algorithm).update(bytes).digest('hex');
}

/** Salt's filters of texts. */
export const SALT_TEXT_FILTERS: readonly Builtin[] = [
  new Builtin('skip', () => ''),
  define('to_bool(val)', (_env, value: unknown) => toBool(value)),
  define('quote(txt)', (_env, value: unknown) => shellQuote(text(value))),
  define('regex_escape(value)', (_env, value: unknown) => regexEscape(text(value))),
  define(
    'regex_search(txt, rgx, ignorecase=False, multiline=False)',
    (_env, value: unknown, pattern: unknown, i: unknown, m: unknown) => regexGroups(value, pattern, i, m, 'search'),
  ),
  define(
    'regex_match(txt, rgx, ignorecase=False, multiline=False)',
    (_env, value: unknown, pattern: unknown, i: unknown, m: unknown) => regexGroups(value, pattern, i, m, 'match'),
  ),
  define(
    'regex_replace(txt, rgx, val, ignorecase=False, multiline=False)',
    (_env, value: unknown, pattern: unknown, by: unknown, i: unknown, m: unknown) =>
      regexReplace(text(pattern), text(by), text(value), { ignoreCase: truth(i), multiline: truth(m) }),
  ),
  define('uuid(val)', (_env, value: unknown) => uuid(str(value))),
  define('to_bytes(s, encoding=None, errors="strict")', (_env, value: unknown, encoding: unknown, errors: unknown) =>
    value instanceof Uint8Array ? value : encodeText(text(value), textOf(encoding) ?? 'utf-8', str(errors)),
  ),
  define('to_num(text)', (_env, value: unknown) => toNumberText(value)),
  define('str_to_num(text)', (_env, value: unknown) => toNumberText(value)),
  define(
    'is_hex(value)',
    (_env, value: unknown) =>
      textOf(value) !== undefined && parseInteger(textOf(value)!.trim().toLowerCase(), 16) !== undefined,
  ),
  define('contains_whitespace(text)', (_env, value: unknown) => /\s/.test(text(value))),
  define(
    "human_to_bytes(size, default_unit='B', handle_metric=False)",
    (_env, size: unknown, unit: unknown, metric: unknown) => humanToBytes(size, str(unit), truth(metric)),
  ),
  define(
    'check_whitelist_blacklist(value, whitelist=None, blacklist=None)',
    (_env, value: unknown, white: unknown, black: unknown) => checkLists(value, white, black),
  ),
  define('to_snake_case(camel_input)', (_env, value: unknown) => snakeCase(text(value))),
  define('to_camelcase(snake_input, uppercamel=False)', (_env, value: unknown, upper: unknown) =>
    camelCase(text(value), truth(upper)),
  ),
  ...['date_format', 'strftime'].map((name) =>
    define(`${name}(date, format="%Y-%m-%d")`, (_env, value: unknown, format: unknown) =>
      strftime(dateFrom(value), str(format)),
    ),
  ),
  define('base64_encode(instr)', (_env, value: unknown) => Buffer.from(bytesOf(value)).toString('base64')),
  define('base64_decode(instr)', (_env, value: unknown) => {
    const encoded = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : text(value);
    if (encoded.replace(/[^A-Za-z0-9+/=]/g, '').length % 4 !== 0) throw valueError('Incorrect padding');
    return Buffer.from(encoded, 'base64').toString('utf8');
  }),
  digest('md5'),
  digest('sha1'),
  digest('sha256'),
  digest('sha512'),
  define(
    'hmac(string, shared_secret, challenge_hmac)',
    (_env, value: unknown, secret: unknown, challenge: unknown) =>
      createHmac('sha256', bytesOf(secret)).update(bytesOf(value)).digest('base64') === str(challenge),
  ),
  define('hmac_compute(string, shared_secret)', (_env, value: unknown, secret: unknown) =>
    createHmac('sha256', bytesOf(secret)).update(bytesOf(value)).digest('hex'),
  ),
  define('rand_str(size=None, hash_type="sha512")', (_env, size: unknown, type: unknown) =>
    randomHash(size, str(type)),
  ),
  define('random_hash(size=None, hash_type="sha512")', (_env, size: unknown, type: unknown) =>
    randomHash(size, str(type)),
  ),
  define('random_str(size, punctuation=True)', (_env, size: unknown, punctuation: unknown) =>
    randomText(index(size), LETTERS + (truth(punctuation) ? PUNCTUATION : '')),
  ),
  define('substring_in_list(string_to_search_for, list_to_search)', (_env, value: unknown, list: unknown) =>
    sequence(list).some((item) => str(item).includes(text(value))),
  ),
  define('mysql_to_dict(data, key)', (_env, data: unknown, key: unknown) => mysqlToDict(data, str(key))),
  new Builtin(
    'method_call',
    (env: Env, [object, name, ...args], kwargs) => env.callMethod(object, str(name), args, kwargs),
    { mayWait: true },
  ),
];
