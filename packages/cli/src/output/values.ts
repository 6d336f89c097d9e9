import type { JsonValue } from '@edge-run/shared/kernel';
import { decodeValue, PyDate, PyFloat, PyMap, PySet, PyTuple, toPlain, type Value } from '@edge-run/shared/values';
import { sanitize } from './style.ts';

/** What a value encoded for the bus is to a reader of JSON or YAML: floats and big numbers as numbers, sets as lists. */
export function plainJson(encoded: JsonValue): JsonValue {
  return JSON.parse(
    JSON.stringify(toPlain(decodeValue(encoded)), (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ),
  ) as JsonValue;
}

/** Lines that show a value to a person: scalars as they are, lists with `-`, mappings with `key:`. */
export function formatValue(encoded: JsonValue): readonly string[] {
  return layOut(decodeValue(encoded));
}

/** One line: scalars as they are, the rest as JSON. */
export function formatInline(encoded: JsonValue): string {
  const value = decodeValue(encoded);
  return isCollection(value) ? JSON.stringify(plainJson(encoded)) : layOut(value).join('\\n');
}

function layOut(value: Value): string[] {
  if (value instanceof PyMap) {
    if (value.size === 0) return ['{}'];
    return [...value].flatMap(([key, item]) => nest(`${layOut(key).join(' ')}:`, item, '  '));
  }
  const items = itemsOf(value);
  if (items !== undefined) return items.length === 0 ? ['[]'] : items.flatMap((item) => bullet(item));
  return sanitize(scalarText(value)).replace(/\n$/, '').split('\n');
}

function nest(label: string, item: Value, indent: string): string[] {
  const lines = layOut(item);
  const inline = lines.length === 1 && (!isCollection(item) || isEmpty(item));
  return inline ? [`${label} ${lines[0]}`.trimEnd()] : [label, ...lines.map((line) => indent + line)];
}

function bullet(item: Value): string[] {
  return layOut(item).map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`));
}

function isCollection(value: Value): boolean {
  return value instanceof PyMap || itemsOf(value) !== undefined;
}

function isEmpty(value: Value): boolean {
  return value instanceof PyMap ? value.size === 0 : itemsOf(value)?.length === 0;
}

function itemsOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof PyTuple) return value.items;
  return value instanceof PySet ? [...value] : undefined;
}

/** Python's spelling, which is what users of Salt know. */
function scalarText(value: Value): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value instanceof PyFloat) return Number.isInteger(value.value) ? value.value.toFixed(1) : String(value.value);
  if (value instanceof PyDate) return value.iso;
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  return String(value);
}
