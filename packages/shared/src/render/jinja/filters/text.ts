import { PyMap, PyTuple, type Value } from '../../../values/index.ts';
import type { Env } from '../runtime/env.ts';
import { escapeMarkup } from '../runtime/escape.ts';
import { LimitFault, PyFault, typeError, valueError } from '../runtime/fault.ts';
import { formatPercent } from '../runtime/format-percent.ts';
import { characters, length, sequence } from '../runtime/iterate.ts';
import { capitalize, center, replaceText, splitLines, strip } from '../runtime/methods/text.ts';
import { index, truth } from '../runtime/operands.ts';
import { str } from '../runtime/print.ts';
import { define } from '../runtime/signature.ts';
import { Builtin, Markup, textOf, typeName, Undefined } from '../runtime/types.ts';

/** `str(value)`, markup staying markup. */
function soft(value: unknown): string | Markup {
  return value instanceof Markup ? value : str(value);
}

function keep(value: unknown, change: (text: string) => string): string | Markup {
  return value instanceof Markup ? new Markup(change(value.text)) : change(str(value));
}

/** Jinja's `title`: words begin behind spaces, hyphens and opening brackets. */
function title(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .filter((part) => part !== '')
    .map((part) => {
      const [first = '', ...rest] = characters(part);
      return first.toUpperCase() + rest.join('').toLowerCase();
    })
    .join('');
}

function indent(value: unknown, width: unknown, first: unknown, blank: unknown): unknown {
  if (value instanceof Undefined) throw value.fault();
  if (textOf(value) === undefined)
    throw typeError(`unsupported operand type(s) for +=: '${typeName(value)}' and 'str'`);
  const by = textOf(width) ?? ' '.repeat(Math.max(0, boundedWidth(index(width))));
  return keep(value, (source) => {
    const text = `${source}\n`;
    const lines = splitLines(text, false);
    let body: string;
    if (truth(blank)) body = lines.join(`\n${by}`);
    else {
      const [head = '', ...rest] = lines;
      body = head;
      if (rest.length > 0) body += `\n${rest.map((line) => (line === '' ? line : by + line)).join('\n')}`;
    }
    return truth(first) ? by + body : body;
  });
}

function boundedWidth(width: number): number {
  if (width > 1_000_000) throw new LimitFault(`a width of ${width}`, 'Use a smaller width.');
  return width;
}

function truncate(text: string, size: number, killWords: boolean, end: string, leeway: number): string {
  if (size < end.length) throw new PyFault('AssertionError', `expected length >= ${end.length}, got ${size}`);
  if (leeway < 0) throw new PyFault('AssertionError', `expected leeway >= 0, got ${leeway}`);
  const all = characters(text);
  if (all.length <= size + leeway) return text;
  const cut = all.slice(0, size - end.length).join('');
  if (killWords) return cut + end;
  const space = cut.lastIndexOf(' ');
  return (space === -1 ? cut : cut.slice(0, space)) + end;
}

/** Python's `textwrap.wrap` of one line, as `wordwrap` calls it. */
function wrapLine(line: string, width: number, breakLong: boolean, breakHyphens: boolean): string[] {
  const chunks = breakHyphens
    ? (line.match(
        /\s+|(?:[^\s-]*[^\W\d_]-(?=[^\W\d_]{2}))|[^\s-]*-{2,}(?=\w)|(?:[^\s-]|-(?![^\W\d_]{2})|(?<![^\W\d_])-)+-?(?![^\W\d_]{2}.)|\S/gu,
      ) ?? [])
    : (line.match(/\s+|\S+/g) ?? []);
  const lines: string[] = [];
  let at = 0;
  while (at < chunks.length) {
    let current: string[] = [];
    let size = 0;
    if (lines.length > 0 && chunks[at]!.trim() === '') at += 1;
    while (at < chunks.length && size + length(chunks[at]!) <= width) {
      size += length(chunks[at]!);
      current.push(chunks[at]!);
      at += 1;
    }
    if (at < chunks.length && length(chunks[at]!) > width) {
      const space = Math.max(1, width - size);
      if (breakLong) {
        const [first, ...rest] = pieces(characters(chunks[at]!), space, width);
        current.push(first!);
        chunks.splice(at, 1, ...rest);
      } else if (current.length === 0) {
        current.push(chunks[at]!);
        at += 1;
      }
    }
    if (current.length > 0 && current.at(-1)!.trim() === '') current = current.slice(0, -1);
    if (current.length > 0) lines.push(current.join(''));
  }
  return lines;
}

/** The first `space` characters, then as many as fill a line each. */
function pieces(units: readonly string[], space: number, width: number): string[] {
  const all = [units.slice(0, space).join('')];
  const size = Math.max(1, width);
  for (let at = space; at < units.length; at += size) all.push(units.slice(at, at + size).join(''));
  return all;
}

const TAG = /<[^>]*>/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#[xX]([\da-fA-F]+)|(\w+));/g,
    (all: string, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Math.min(Number(decimal), 0x10ffff));
      if (hex !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff));
      return NAMED[name!] ?? all;
    },
  );
}

function quoteUrl(text: string, safe: RegExp): string {
  let out = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const character = String.fromCharCode(byte);
    out += safe.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

function urlencode(value: unknown): string {
  if (textOf(value) !== undefined) return quoteUrl(textOf(value)!, /[\w.~/-]/);
  const isPairs = value instanceof PyMap || Array.isArray(value) || value instanceof PyTuple;
  if (!isPairs) return quoteUrl(str(value), /[\w.~/-]/);
  const pairs =
    value instanceof PyMap ? [...value] : sequence(value).map((pair) => sequence(pair) as readonly [unknown, unknown]);
  const part = (item: unknown): string => quoteUrl(str(item), /[\w.~-]/).replaceAll('%20', '+');
  return pairs.map(([key, item]) => `${part(key)}=${part(item)}`).join('&');
}

function xmlattr(map: unknown, autospace: boolean): string {
  const parts: string[] = [];
  for (const [key, value] of map instanceof PyMap ? map : []) {
    if (value === null || (value as unknown) instanceof Undefined) continue;
    if (/[\s/>=]/.test(str(key))) throw valueError(`Invalid character in attribute name: '${str(key)}'`);
    parts.push(`${escapeMarkup(key).text}="${escapeMarkup(value).text}"`);
  }
  const text = parts.join(' ');
  return autospace && text !== '' ? ` ${text}` : text;
}

function filesize(value: unknown, binary: boolean): string {
  const bytes = Number(
    typeof value === 'object' && value !== null && 'value' in value ? value.value : (textOf(value) ?? value),
  );
  const base = binary ? 1024 : 1000;
  const names = binary
    ? ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB']
    : ['kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  let unit = base;
  let name = names[0]!;
  for (const [at, candidate] of names.entries()) {
    unit = base ** (at + 2);
    name = candidate;
    if (bytes < unit) break;
  }
  return `${((base * bytes) / unit).toFixed(1)} ${name}`;
}

const LINK =
  /^(?:https?:\/\/|www\.)(?:[\w-]+\.)*[\w-]+(?::\d+)?(?:[/?#][^\s]*)?$|^(?:[\w-]+\.)+(?:com|net|int|edu|gov|org|info|mil)$/i;
const MAIL = /^\S+@\w[\w.-]*\.\w+$/;

function urlize(env: Env, value: unknown, limit: unknown, nofollow: boolean, target: unknown, rel: unknown): unknown {
  const rels = [...new Set([...(textOf(rel)?.split(/\s+/) ?? []), 'noopener', ...(nofollow ? ['nofollow'] : [])])]
    .filter((part) => part !== '')
    .sort();
  const attributes = ` rel="${rels.join(' ')}"${target === null ? '' : ` target="${escapeMarkup(target).text}"`}`;
  const shown = (text: string): string =>
    typeof limit === 'number' && text.length > limit ? `${text.slice(0, limit)}...` : text;
  const words = escapeMarkup(value).text.split(/(\s+)/);
  const linked = words.map((word) => {
    const [, head, middle, tail] = /^((?:[(<]|&lt;)*)(.*?)((?:[)>.,\n]|&gt;)*)$/s.exec(word)!;
    if (MAIL.test(middle!)) return `${head}<a href="mailto:${middle}">${middle}</a>${tail}`;
    if (!LINK.test(middle!)) return word;
    const href = /^https?:/i.test(middle!) ? middle! : `https://${middle}`;
    return `${head}<a href="${href}"${attributes}>${shown(middle!)}</a>${tail}`;
  });
  return env.safe(linked.join(''));
}

/** Jinja's filters of texts. */
export const TEXT_FILTERS: readonly Builtin[] = [
  define('capitalize(s)', (_env, value: unknown) => keep(value, capitalize)),
  define('center(value, width=80)', (_env, value: unknown, width: number) =>
    keep(value, (text) => center(text, index(width))),
  ),
  define('escape(s)', (_env, value: unknown) => escapeMarkup(value)),
  define('e(s)', (_env, value: unknown) => escapeMarkup(value)),
  define('forceescape(value)', (_env, value: unknown) => escapeMarkup(str(value))),
  define('safe(value)', (_env, value: unknown) => new Markup(str(value))),
  define('string(object)', (_env, value: unknown) => soft(value)),
  define('lower(s)', (_env, value: unknown) => keep(value, (text) => text.toLowerCase())),
  define('upper(s)', (_env, value: unknown) => keep(value, (text) => text.toUpperCase())),
  define('title(s)', (_env, value: unknown) => title(str(value))),
  define('trim(value, chars=None)', (_env, value: unknown, chars: unknown) =>
    keep(value, (text) => strip(text, chars, 'both')),
  ),
  define(
    'indent(s, width=4, first=False, blank=False)',
    (_env, value: unknown, width: unknown, first: unknown, blank: unknown) => indent(value, width, first, blank),
  ),
  define('replace(s, old, new, count=None)', (env: Env, value: unknown, old: unknown, by: unknown, most: unknown) => {
    const count = most === null ? -1 : index(most);
    if (!env.autoescape) return replaceText(str(value), str(old), str(by), count);
    const escapes = old instanceof Markup || (by instanceof Markup && !(value instanceof Markup));
    const source = escapes ? escapeMarkup(value) : soft(value);
    return source instanceof Markup
      ? new Markup(replaceText(source.text, escapeMarkup(old).text, escapeMarkup(by).text, count))
      : replaceText(source, str(old), str(by), count);
  }),
  define(
    'truncate(s, length=255, killwords=False, end="...", leeway=None)',
    (_env, value: unknown, size: unknown, kill: unknown, end: unknown, leeway: unknown) =>
      keep(value, (text) => truncate(text, index(size), truth(kill), str(end), leeway === null ? 5 : index(leeway))),
  ),
  define('wordcount(s)', (_env, value: unknown) => str(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  define(
    'wordwrap(s, width=79, break_long_words=True, wrapstring=None, break_on_hyphens=True)',
    (_env, value: unknown, width: unknown, long: unknown, by: unknown, hyphens: unknown) => {
      const end = by === null ? '\n' : str(by);
      return splitLines(str(value), false)
        .map((line) => wrapLine(line.replaceAll('\t', '        '), index(width), truth(long), truth(hyphens)).join(end))
        .join(end);
    },
  ),
  define('striptags(value)', (_env, value: unknown) =>
    decodeEntities(
      str(value)
        .replace(/<!--[\s\S]*?-->/g, '')
        .replace(TAG, '')
        .split(/\s+/)
        .filter((word) => word !== '')
        .join(' '),
    ),
  ),
  define('urlencode(value)', (_env, value: unknown) => urlencode(value)),
  define(
    'urlize(value, trim_url_limit=None, nofollow=False, target=None, rel=None, extra_schemes=None)',
    (env: Env, value: unknown, limit: unknown, nofollow: unknown, target: unknown, rel: unknown) =>
      urlize(env, value, limit, truth(nofollow), target, rel),
  ),
  define('xmlattr(d, autospace=True)', (env: Env, map: unknown, autospace: unknown) =>
    env.safe(xmlattr(map, truth(autospace))),
  ),
  define('filesizeformat(value, binary=False)', (_env, value: unknown, binary: unknown) =>
    filesize(value, truth(binary)),
  ),
  new Builtin('format', (_env, [value, ...args], kwargs) => {
    if (args.length > 0 && kwargs && kwargs.size > 0)
      throw new PyFault('FilterArgumentError', "can't handle positional and keyword arguments at the same time");
    const values =
      kwargs && kwargs.size > 0 ? new PyMap(kwargs as ReadonlyMap<string, Value>) : new PyTuple(args as Value[]);
    const isMarkup = value instanceof Markup;
    const text = formatPercent(str(value), values, (item) =>
      isMarkup && typeof item === 'string' ? escapeMarkup(item).text : item,
    );
    return isMarkup ? new Markup(text) : text;
  }),
];
