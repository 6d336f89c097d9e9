import { PyMap, PySet, PyTuple } from '../../../values/index.ts';
import { sorted } from '../runtime/comparison.ts';
import { characters } from '../runtime/iterate.ts';
import { quote, repr } from '../runtime/print.ts';

const WIDTH = 80;

/** Python's `pprint.pformat(value)`: as `repr` where it fits on a line, else one element on each. */
export function prettyPrint(value: unknown): string {
  return format(value, 0, 0);
}

function format(value: unknown, indent: number, allowance: number): string {
  const flat = flatten(value);
  const room = WIDTH - indent - allowance;
  if (characters(flat).length <= room) return flat;
  if (value instanceof PyMap) return mapping(value, indent, allowance);
  if (Array.isArray(value)) return `[${rows(value, indent + 1, allowance + 1)}]`;
  if (value instanceof PyTuple)
    return `(${rows(value.items, indent + 1, allowance + 1)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof PySet && value.size > 0) return `{${rows(inOrder([...value]), indent + 1, allowance + 1)}}`;
  if (typeof value === 'string') return text(value, indent, allowance);
  return flat;
}

function inOrder(items: readonly unknown[]): unknown[] {
  try {
    return sorted(items, (item) => item, false);
  } catch {
    return [...items];
  }
}

/** `repr` with the keys of mappings in order. */
function flatten(value: unknown): string {
  if (value instanceof PyMap)
    return `{${entries(value)
      .map(([key, item]) => `${flatten(key)}: ${flatten(item)}`)
      .join(', ')}}`;
  if (Array.isArray(value)) return `[${value.map(flatten).join(', ')}]`;
  if (value instanceof PyTuple) return `(${value.items.map(flatten).join(', ')}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof PySet && value.size > 0)
    return `{${inOrder([...value])
      .map(flatten)
      .join(', ')}}`;
  return repr(value);
}

function entries(map: PyMap): (readonly [unknown, unknown])[] {
  const keys = inOrder([...map.keys()]);
  return keys.map((key) => [key, map.get(key as never)] as const);
}

function mapping(map: PyMap, indent: number, allowance: number): string {
  const pairs = entries(map);
  const parts = pairs.map(([key, item], at) => {
    const shown = flatten(key);
    const last = at === pairs.length - 1;
    return `${shown}: ${format(item, indent + 1 + characters(shown).length + 2, last ? allowance + 1 : 1)}`;
  });
  return `{${parts.join(`,\n${' '.repeat(indent + 1)}`)}}`;
}

function rows(items: readonly unknown[], indent: number, allowance: number): string {
  return items
    .map((item, at) => format(item, indent, at === items.length - 1 ? allowance : 1))
    .join(`,\n${' '.repeat(indent)}`);
}

function text(value: string, indent: number, allowance: number): string {
  const chunks: string[] = [];
  const lines = value.match(/[^\n]*\n|[^\n]+/g) ?? [];
  const nested = indent > 0;
  const room = WIDTH - indent - (nested ? 0 : 1);
  lines.forEach((line, at) => {
    const isLast = at === lines.length - 1;
    const shown = quote(line);
    const limit = isLast ? room - allowance : room;
    if (shown.length <= limit) {
      chunks.push(shown);
      return;
    }
    const words = line.match(/\S*\s*/g)!.filter((word) => word !== '');
    let current = '';
    words.forEach((word, wordAt) => {
      const candidate = current + word;
      const bound = isLast && wordAt === words.length - 1 ? room - allowance : room;
      if (quote(candidate).length > bound) {
        if (current !== '') chunks.push(quote(current));
        current = word;
      } else current = candidate;
    });
    if (current !== '') chunks.push(quote(current));
  });
  if (chunks.length === 1) return quote(value);
  const body = chunks.join(`\n${' '.repeat(nested ? indent : 1)}`);
  return nested ? body : `(${body})`;
}
