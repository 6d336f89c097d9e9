import { dump, load, YAML11_SCHEMA } from 'js-yaml';
import { EdgeError, Secret } from '../../kernel/index.ts';
import { fromPlain, type PlainValue, toPlain, type Value } from '../../values/index.ts';

/** Formats `file.serialize` can write. */
export const SERIALIZERS = ['yaml', 'json', 'configparser'] as const;
/** A format that data can be written in. */
export type Serializer = (typeof SERIALIZERS)[number];

/** The text of data in a format, with a final line end; keys sorted as Salt sorts them. `sealed`: it holds a secret. */
export function serializeData(
  data: Value,
  format: Serializer,
  options: { indent?: number; sortKeys?: boolean } = {},
): { text: string; sealed: boolean } {
  const { indent = 2, sortKeys = true } = options;
  const { plain, sealed } = revealed(toPlain(data));
  return { text: written(plain, format, indent, sortKeys), sealed };
}

/** Reads data back, for merging. @throws EdgeError `EDGE_BAD_ARGUMENT` when it is not in that format. */
export function deserializeData(text: string, format: Serializer): Value {
  try {
    if (format === 'json') return fromPlain(JSON.parse(text));
    if (format === 'yaml') return fromPlain(load(text, { schema: YAML11_SCHEMA }));
  } catch (cause) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `the file is not ${format}: ${(cause as Error).message}`, {}, { cause });
  }
  throw new EdgeError(
    'EDGE_NOT_SUPPORTED',
    `${format} cannot be read back`,
    {},
    { hint: 'Leave merge_if_exists out.' },
  );
}

function written(plain: PlainValue, format: Serializer, indent: number, sortKeys: boolean): string {
  switch (format) {
    case 'yaml':
      return dump(plain, { schema: YAML11_SCHEMA, indent, sortKeys, seqNoIndent: true, noRefs: true });
    case 'json':
      return `${JSON.stringify(sortKeys ? sorted(plain) : plain, null, indent)}\n`;
    case 'configparser':
      return sections(plain, sortKeys);
  }
}

function sections(plain: PlainValue, sortKeys: boolean): string {
  if (plain === null || typeof plain !== 'object' || Array.isArray(plain))
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'configparser takes a mapping of sections');
  const order = (map: object): [string, PlainValue][] => {
    const entries = Object.entries(map) as [string, PlainValue][];
    return sortKeys ? entries.sort(([a], [b]) => (a < b ? -1 : 1)) : entries;
  };
  return order(plain)
    .map(([name, values]) => {
      const lines = order((values as object | null) ?? {}).map(([key, value]) => `${key} = ${String(value)}\n`);
      return `[${name}]\n${lines.join('')}\n`;
    })
    .join('');
}

function sorted(plain: PlainValue): PlainValue {
  if (Array.isArray(plain)) return plain.map(sorted);
  if (plain === null || typeof plain !== 'object' || plain instanceof Uint8Array || plain instanceof Secret)
    return plain;
  return Object.fromEntries(
    Object.entries(plain)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, sorted(value)]),
  );
}

function revealed(plain: PlainValue): { plain: PlainValue; sealed: boolean } {
  let sealed = false;
  const open = (value: PlainValue): PlainValue => {
    if (value instanceof Secret) {
      sealed = true;
      return value.reveal();
    }
    if (Array.isArray(value)) return value.map(open);
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, open(item)]));
  };
  const opened = open(plain);
  return { plain: opened, sealed };
}
