import { PyMap, PyTuple, type Value } from '../../../../values/index.ts';
import { spend } from '../effort.ts';
import { escapeMarkup } from '../escape.ts';
import { typeError, valueError } from '../fault.ts';
import { type FieldAccess, formatBraces } from '../format-braces.ts';
import { pad } from '../format-spec.ts';
import { characters, length, sequence } from '../iterate.ts';
import { index, truth } from '../operands.ts';
import { patientMethods } from '../patience.ts';
import { MAX_TEXT, textLimit } from '../print.ts';
import { define } from '../signature.ts';
import { slice } from '../slices.ts';
import { Builtin, Markup, textOf, typeName, Undefined } from '../types.ts';
import { encodeText } from './bytes.ts';

/** Python's white space, for a class of characters: also the separators U+001C to U+001F and U+0085. */
const SPACES = '\\s\\x1c-\\x1f\\x85';
const NOT_SPACE = new RegExp(`[^${SPACES}]`);
const WORD = new RegExp(`[^${SPACES}]+`, 'g');

type Body = (self: string, ...args: never[]) => unknown;

/** Python's `str` methods; `self` is the first argument. */
export const TEXT_METHODS: ReadonlyMap<string, Builtin> = patientMethods(
  'str',
  new Map(
    methods({
      'capitalize(self, /)': (self) => capitalize(self),
      'casefold(self, /)': (self) => self.toLowerCase().replaceAll('ß', 'ss'),
      "center(self, width, fill=' ', /)": (self, width, fill) => center(self, index(width), one(fill)),
      'count(self, sub, start=None, end=None, /)': (self, sub, start, end) => count(part(self, start, end), need(sub)),
      "encode(self, encoding='utf-8', errors='strict')": (self, encoding, errors) =>
        encodeText(self, need(encoding), need(errors)),
      'endswith(self, suffix, start=None, end=None, /)': (self, suffix, start, end) =>
        affixes(suffix, 'endswith').some((text) => part(self, start, end).endsWith(text)),
      'expandtabs(self, tabsize=8)': (self, size) => expandTabs(self, index(size)),
      'find(self, sub, start=None, end=None, /)': (self, sub, start, end) => find(self, need(sub), start, end, false),
      'index(self, sub, start=None, end=None, /)': (self, sub, start, end) =>
        found(find(self, need(sub), start, end, false)),
      'isalnum(self, /)': (self) => /^[\p{L}\p{N}]+$/u.test(self),
      'isalpha(self, /)': (self) => /^\p{L}+$/u.test(self),
      'isascii(self, /)': (self) => !/[^\p{ASCII}]/u.test(self),
      'isdecimal(self, /)': (self) => /^\p{Nd}+$/u.test(self),
      'isdigit(self, /)': (self) => /^[\p{Nd}⁰¹²³⁴-⁹₀-₉①-⑨]+$/u.test(self),
      'isidentifier(self, /)': (self) => /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(self),
      'islower(self, /)': (self) => /\p{Ll}/u.test(self) && !/[\p{Lu}\p{Lt}]/u.test(self),
      'isnumeric(self, /)': (self) => /^\p{N}+$/u.test(self),
      'isprintable(self, /)': (self) => !/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(self),
      'isspace(self, /)': (self) => self !== '' && !NOT_SPACE.test(self),
      'istitle(self, /)': (self) => /\p{L}/u.test(self) && titled(self) === self,
      'isupper(self, /)': (self) => /\p{Lu}/u.test(self) && !/[\p{Ll}\p{Lt}]/u.test(self),
      'join(self, iterable, /)': (self, items) => join(self, items),
      "ljust(self, width, fill=' ', /)": (self, width, fill) => justify(self, index(width), one(fill), '<'),
      'lower(self, /)': (self) => self.toLowerCase(),
      'lstrip(self, chars=None, /)': (self, chars) => strip(self, chars, 'left'),
      'maketrans(self, x, y=None, z=None, /)': (_self, from, to, drop) => makeTranslation(from, to, drop),
      'partition(self, sep, /)': (self, separator) => partition(self, need(separator), false),
      'removeprefix(self, prefix, /)': (self, prefix) =>
        self.startsWith(need(prefix)) ? self.slice(need(prefix).length) : self,
      'removesuffix(self, suffix, /)': (self, suffix) =>
        need(suffix) !== '' && self.endsWith(need(suffix)) ? self.slice(0, -need(suffix).length) : self,
      'replace(self, old, new, count=-1, /)': (self, old, text, most) =>
        replaceText(self, need(old), need(text), index(most)),
      'rfind(self, sub, start=None, end=None, /)': (self, sub, start, end) => find(self, need(sub), start, end, true),
      'rindex(self, sub, start=None, end=None, /)': (self, sub, start, end) =>
        found(find(self, need(sub), start, end, true)),
      "rjust(self, width, fill=' ', /)": (self, width, fill) => justify(self, index(width), one(fill), '>'),
      'rpartition(self, sep, /)': (self, separator) => partition(self, need(separator), true),
      'rsplit(self, sep=None, maxsplit=-1)': (self, separator, most) => splitText(self, separator, index(most), true),
      'rstrip(self, chars=None, /)': (self, chars) => strip(self, chars, 'right'),
      'split(self, sep=None, maxsplit=-1)': (self, separator, most) => splitText(self, separator, index(most), false),
      'splitlines(self, keepends=False)': (self, keep) => splitLines(self, truth(keep)),
      'startswith(self, prefix, start=None, end=None, /)': (self, prefix, start, end) =>
        affixes(prefix, 'startswith').some((text) => part(self, start, end).startsWith(text)),
      'strip(self, chars=None, /)': (self, chars) => strip(self, chars, 'both'),
      'swapcase(self, /)': (self) =>
        self.replace(/\p{L}/gu, (c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())),
      'title(self, /)': (self) => titled(self),
      'translate(self, table, /)': (self, table) => translate(self, table),
      'upper(self, /)': (self) => self.toUpperCase(),
      'zfill(self, width, /)': (self, width) => pad(self, bounded(index(width)), '0', '='),
    }),
  )
    .set('format', new Builtin('format', format))
    .set('format_map', new Builtin('format_map', formatMap)),
);

/** Methods whose text arguments markup escapes first. */
const ESCAPES_ARGUMENTS = new Set(['replace', 'join', 'center', 'ljust', 'rjust']);
/** Methods that answer plain text even on markup. */
const PLAIN = new Set(['encode']);

function* methods(
  table: Readonly<Record<string, (self: string, ...args: readonly unknown[]) => unknown>>,
): Generator<[string, Builtin]> {
  for (const [text, body] of Object.entries(table)) {
    const method = define(text, (_env: unknown, self: unknown, ...args: unknown[]) =>
      apply(text.slice(0, text.indexOf('(')), body as Body, self, args),
    );
    yield [method.name, method];
  }
}

function apply(name: string, body: Body, self: unknown, args: unknown[]): unknown {
  const call = body as (self: string, ...args: unknown[]) => unknown;
  if (typeof self === 'string') return call(self, ...args);
  const text = textOf(self)!;
  const escapes = ESCAPES_ARGUMENTS.has(name);
  const given = escapes
    ? args.map((arg) =>
        typeof arg === 'string' ? escapeMarkup(arg).text : Array.isArray(arg) ? arg.map(escapeItem) : arg,
      )
    : args;
  const result = call(text, ...given);
  return PLAIN.has(name) ? result : asMarkup(result);
}

function escapeItem(item: unknown): unknown {
  return textOf(item) === undefined ? item : escapeMarkup(item).text;
}

function asMarkup(result: unknown): unknown {
  if (typeof result === 'string') return new Markup(result);
  if (Array.isArray(result)) return result.map(asMarkup);
  return result instanceof PyTuple ? new PyTuple(result.items.map(asMarkup) as Value[]) : result;
}

function format(env: FieldAccess, args: readonly unknown[], kwargs: ReadonlyMap<string, unknown> | undefined): unknown {
  const [self, ...rest] = args;
  if (self instanceof Markup) {
    const escapes = (value: unknown): unknown => (typeof value === 'string' ? escapeMarkup(value) : value);
    const named = kwargs && new Map([...kwargs].map(([name, value]) => [name, escapes(value)]));
    return new Markup(formatBraces(self.text, rest.map(escapes), named, env));
  }
  return formatBraces(self as string, rest, kwargs, env);
}

function formatMap(env: FieldAccess, args: readonly unknown[]): unknown {
  const [self, mapping] = args;
  const named =
    mapping instanceof PyMap ? new Map([...mapping].map(([key, value]) => [String(key), value])) : undefined;
  return formatBraces(textOf(self)!, [], named, env);
}

function need(value: unknown): string {
  const text = textOf(value);
  if (text !== undefined) return text;
  if (value instanceof Undefined) throw value.fault();
  throw typeError(`must be str, not ${typeName(value)}`);
}

function one(value: unknown): string {
  const text = need(value);
  if (characters(text).length !== 1) throw typeError('The fill character must be exactly one character long');
  return text;
}

function bounded(width: number): number {
  if (width > MAX_TEXT) throw textLimit(width);
  return width;
}

function justify(text: string, width: number, fill: string, align: string): string {
  return pad(text, bounded(width), fill, align);
}

/** Python puts the odd character of a centred text on the left when the width is odd. */
export function center(text: string, width: number, fill = ' '): string {
  const missing = bounded(width) - length(text);
  if (missing <= 0) return text;
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

/** Python's `str.capitalize`. */
export function capitalize(text: string): string {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0);
  return text === '' ? '' : first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Python's `str.title`: a letter behind a non-letter is upper case, every other lower. */
function titled(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase());
}

function part(text: string, start: unknown, end: unknown): string {
  return start === null && end === null ? text : (slice(text, start, end, null) as string);
}

function count(text: string, sub: string): number {
  if (sub === '') return length(text) + 1;
  let times = 0;
  for (let at = text.indexOf(sub); at !== -1; at = text.indexOf(sub, at + sub.length)) times += 1;
  spend(text.length + times * 20);
  return times;
}

function affixes(value: unknown, method: string): string[] {
  if (value instanceof PyTuple) return value.items.map(need);
  if (textOf(value) !== undefined) return [textOf(value)!];
  if (value instanceof Undefined) throw value.fault();
  throw typeError(`${method} first arg must be str or a tuple of str, not ${typeName(value)}`);
}

function expandTabs(text: string, size: number): string {
  let column = 0;
  let out = '';
  for (const character of text) {
    if (character === '\t') {
      const spaces = size > 0 ? size - (column % size) : 0;
      out += ' '.repeat(bounded(spaces));
      column += spaces;
    } else {
      out += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  return out;
}

function find(text: string, sub: string, start: unknown, end: unknown, last: boolean): number {
  const size = length(text);
  const from = start === null ? 0 : Math.max(0, index(start) < 0 ? index(start) + size : index(start));
  if (from > size) return -1;
  const inside = part(text, start, end);
  const at = last ? inside.lastIndexOf(sub) : inside.indexOf(sub);
  return at === -1 ? -1 : from + length(inside.slice(0, at));
}

function found(at: number): number {
  if (at === -1) throw valueError('substring not found');
  return at;
}

function join(separator: string, items: unknown): string {
  const texts = sequence(items).map((item, at) => {
    const text = textOf(item);
    if (text !== undefined) return text;
    if (item instanceof Undefined) throw item.fault();
    throw typeError(`sequence item ${at}: expected str instance, ${typeName(item)} found`);
  });
  const joined = texts.join(separator);
  if (joined.length > MAX_TEXT) throw textLimit(joined.length);
  return joined;
}

function isSpace(character: string): boolean {
  return !NOT_SPACE.test(character);
}

/** Python's `strip` family. */
export function strip(text: string, chars: unknown, side: 'left' | 'right' | 'both'): string {
  const all = chars === null ? undefined : new Set(characters(need(chars)));
  const drops = (character: string): boolean => (all ? all.has(character) : isSpace(character));
  let [first, last] = [0, text.length];
  if (side !== 'right')
    for (let next = ''; first < last; first += next.length) {
      next = String.fromCodePoint(text.codePointAt(first)!);
      if (!drops(next)) break;
    }
  if (side !== 'left')
    for (let previous = ''; last > first; last -= previous.length) {
      const isPair = last - first > 1 && isLow(text.charCodeAt(last - 1)) && isHigh(text.charCodeAt(last - 2));
      previous = text.slice(isPair ? last - 2 : last - 1, last);
      if (!drops(previous)) break;
    }
  spend((text.length - (last - first)) * 50);
  return text.slice(first, last);
}

function isHigh(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

function isLow(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}

function partition(text: string, separator: string, last: boolean): PyTuple {
  if (separator === '') throw valueError('empty separator');
  const at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
  if (at === -1) return new PyTuple(last ? ['', '', text] : [text, '', '']);
  return new PyTuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

/** Python's `replace`: the first `most` places, all when negative. */
export function replaceText(text: string, old: string, by: string, most: number): string {
  const grown = old === '' ? text.length + 1 : text.length / Math.max(1, old.length);
  if (grown * by.length > MAX_TEXT && count(text, old) * by.length > MAX_TEXT) throw textLimit(grown * by.length);
  if (most < 0) {
    if (old !== '') return text.split(old).join(by);
    return `${by}${characters(text)
      .map((c) => c + by)
      .join('')}`;
  }
  let out = '';
  let at = 0;
  for (let done = 0; done < most; done += 1) {
    const next = old === '' ? at : text.indexOf(old, at);
    if (next === -1 || next > text.length) break;
    if (old === '') {
      out += by + text.slice(at, at + 1);
      at += 1;
      if (at > text.length) return out;
    } else {
      out += text.slice(at, next) + by;
      at = next + old.length;
    }
  }
  return out + text.slice(at);
}

/** Python's `split` and `rsplit`. */
function splitText(text: string, separator: unknown, most: number, fromRight: boolean): string[] {
  if (separator === null) return splitSpaces(text, most, fromRight);
  const by = need(separator);
  if (by === '') throw valueError('empty separator');
  const parts = text.split(by);
  if (most < 0 || parts.length <= most + 1) return parts;
  if (fromRight) return [parts.slice(0, parts.length - most).join(by), ...parts.slice(parts.length - most)];
  return [...parts.slice(0, most), parts.slice(most).join(by)];
}

function splitSpaces(text: string, most: number, fromRight: boolean): string[] {
  if (most < 0) return text.match(WORD) ?? [];
  const words = [...text.matchAll(WORD)];
  if (words.length <= most) return words.map(([word]) => word);
  if (fromRight) {
    const kept = words.slice(words.length - most);
    const end = words[words.length - most - 1]!;
    return [text.slice(0, end.index + end[0].length).trimStart(), ...kept.map(([word]) => word)];
  }
  const rest = text.slice(words[most]!.index);
  return [...words.slice(0, most).map(([word]) => word), rest.trimEnd()];
}

const FEEDS = '\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
const LINE = new RegExp(`[^${FEEDS}]*(?:\\r\\n|[${FEEDS}]|$)`, 'g');
const LINE_END = new RegExp(`(?:\\r\\n|[${FEEDS}])$`);

/** Python's `splitlines`. */
export function splitLines(text: string, keepEnds: boolean): string[] {
  const lines = text.match(LINE) ?? [];
  if (lines.at(-1) === '') lines.pop();
  return keepEnds ? lines : lines.map((line) => line.replace(LINE_END, ''));
}

function makeTranslation(from: unknown, to: unknown, drop: unknown): PyMap {
  const table = new PyMap();
  if (from instanceof PyMap) {
    for (const [key, value] of from) table.set(typeof key === 'string' ? key.codePointAt(0)! : key, value);
    return table;
  }
  const [keys, values] = [characters(need(from)), characters(need(to))];
  if (keys.length !== values.length) throw valueError('the first two maketrans arguments must have equal length');
  for (const [at, key] of keys.entries()) table.set(key.codePointAt(0)!, values[at]!.codePointAt(0)!);
  if (drop !== null) for (const key of characters(need(drop))) table.set(key.codePointAt(0)!, null);
  return table;
}

function translate(text: string, table: unknown): string {
  if (!(table instanceof PyMap)) throw typeError(`'${typeName(table)}' object is not subscriptable`);
  return characters(text)
    .map((character) => {
      const by = table.get(character.codePointAt(0)!);
      if (by === undefined) return character;
      if (by === null) return '';
      return typeof by === 'number' ? String.fromCodePoint(by) : need(by);
    })
    .join('');
}
