import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import { fromPlain } from '@edge-run/shared/values';
import { isMachineFormat } from '../flags.ts';
import type { Session } from '../session.ts';
import { type Column, renderTable } from './table.ts';

/** First line of every `-o jsonl` stream; the minor part grows when something is added. */
export const STREAM_VERSION = { type: 'version', ui: '1.0' } as const;

/** What a list command prints. */
export interface Listing<T> {
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  /** What `-o name` prints of a row. */
  readonly nameOf: (row: T) => string;
  /** What programs get of a row; the row itself when absent. */
  readonly json?: (row: T) => JsonValue;
  /** Said on stderr when there are no rows. */
  readonly none: string;
}

/** Prints a list in the format that was asked for. */
export async function emitList<T>(session: Session, listing: Listing<T>): Promise<void> {
  const { flags, io } = session;
  const { rows } = listing;
  const json = rows.map((row) => pickFields(listing.json?.(row) ?? (row as JsonValue), flags.fields));
  if (flags.out === 'jsonl') {
    for (const line of [STREAM_VERSION, ...json]) io.stdout.write(`${JSON.stringify(line)}\n`);
  } else if (isMachineFormat(flags.out)) await emitData(session, json);
  else if (flags.out === 'name') for (const row of rows) io.stdout.write(`${listing.nameOf(row)}\n`);
  else if (rows.length === 0) session.note(listing.none);
  else {
    const columns = chooseColumns(listing.columns, flags.fields, flags.out === 'wide');
    io.stdout.write(renderTable(columns, rows, { width: io.stdout.columns, style: session.style }));
  }
}

/** Prints one piece of data as JSON (also for `jsonl`, on one line after the version) or YAML. */
export async function emitData(session: Session, data: JsonValue): Promise<void> {
  const { flags, io } = session;
  const picked = pickFields(data, flags.fields);
  if (flags.out === 'jsonl') io.stdout.write(`${JSON.stringify(STREAM_VERSION)}\n${JSON.stringify(picked)}\n`);
  else if (flags.out === 'yaml') io.stdout.write(await yamlText(picked));
  else io.stdout.write(`${JSON.stringify(picked, null, 2)}\n`);
}

/** Prints data to programs and text to people. */
export async function emit(session: Session, data: JsonValue, text: () => string): Promise<void> {
  if (isMachineFormat(session.flags.out)) await emitData(session, data);
  else session.io.stdout.write(text());
}

async function yamlText(data: JsonValue): Promise<string> {
  const { dumpYaml } = await import('@edge-run/shared/render');
  return dumpYaml(fromPlain(data), { sortKeys: false, width: 120 });
}

function chooseColumns<T>(
  columns: readonly Column<T>[],
  fields: readonly string[] | undefined,
  wide: boolean,
): readonly Column<T>[] {
  if (fields === undefined) return columns.filter((column) => wide || !column.wide);
  return fields.map((field) => {
    const column = columns.find(({ name }) => name === field);
    if (column !== undefined) return column;
    const known = columns.map(({ name }) => name);
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `there is no column \`${field}\``,
      { field, known },
      { hint: `Known: ${known.join(', ')}. With -o json, --fields takes any field.` },
    );
  });
}

/** Keeps the named fields of an object, or of each object of a list; `a.b` reaches inside. */
function pickFields(data: JsonValue, fields: readonly string[] | undefined): JsonValue {
  if (fields === undefined || data === null || typeof data !== 'object') return data;
  if (Array.isArray(data)) return data.map((item: JsonValue) => pickFields(item, fields));
  return Object.fromEntries(fields.map((field) => [field, reach(data, field)]));
}

function reach(data: JsonValue, path: string): JsonValue {
  let at: JsonValue | undefined = data;
  for (const part of path.split('.')) {
    at = at !== null && typeof at === 'object' ? (at as Record<string, JsonValue>)[part] : undefined;
  }
  return at ?? null;
}
