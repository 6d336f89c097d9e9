import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';
import { type EventCursor, type FeedStart, isCursor } from '../events/index.ts';

/** How the text of a query parameter is read. */
export type QueryKind = 'number' | 'instant' | 'list' | 'text';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The parameters of a query as values. @throws EdgeError `EDGE_UNKNOWN_ARGUMENT` with a suggestion,
 * `EDGE_BAD_ARGUMENT` for a value that cannot be read or is given twice
 */
export function readQuery(
  query: URLSearchParams,
  declared: Readonly<Record<string, QueryKind>>,
  now: number,
): Readonly<Record<string, JsonValue>> {
  const values: Record<string, JsonValue> = {};
  for (const name of new Set(query.keys())) {
    const kind = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (kind === undefined) {
      const known = Object.keys(declared);
      throw new EdgeError(
        'EDGE_UNKNOWN_ARGUMENT',
        `unknown parameter \`${name}\``,
        { name, known },
        { hint: didYouMean(name, known) || `Known: ${known.join(', ') || 'none'}.` },
      );
    }
    const texts = query.getAll(name);
    if (kind !== 'list' && texts.length > 1) throw bad(name, texts.join(', '), 'one value');
    values[name] = readValue(name, kind, texts, now);
  }
  return values;
}

/** What a watcher of events asks for. */
export interface WatchRequest {
  readonly start: FeedStart;
  /** Globs over tags; any of them may match. */
  readonly tags: readonly string[];
}

/** Reads `?tag=run/*&cursor=…|since=…`. @throws EdgeError as `readQuery` */
export function readWatchQuery(query: URLSearchParams, now: number): WatchRequest {
  const { tag, cursor, since } = readQuery(query, { tag: 'list', cursor: 'text', since: 'instant' }, now);
  if (cursor !== undefined && since !== undefined) throw bad('since', String(since), 'absent where `cursor` is given');
  if (cursor !== undefined && !isCursor(String(cursor)))
    throw bad('cursor', String(cursor), 'a cursor as it was given');
  const tags = (tag as readonly string[] | undefined) ?? [];
  return { start: startOf(cursor as EventCursor | undefined, since as number | undefined), tags };
}

function startOf(cursor: EventCursor | undefined, since: number | undefined): FeedStart {
  if (cursor !== undefined) return { kind: 'after', cursor };
  return since === undefined ? { kind: 'now' } : { kind: 'since', at: since };
}

function readValue(name: string, kind: QueryKind, texts: readonly string[], now: number): JsonValue {
  const text = texts[0]!;
  switch (kind) {
    case 'number':
      if (!/^\d{1,9}$/.test(text)) throw bad(name, text, 'a whole number');
      return Number(text);
    case 'instant':
      return readInstant(name, text, now);
    case 'list':
      return texts.flatMap((part) => part.split(',')).filter((part) => part !== '');
    case 'text':
      return text;
  }
}

/** Milliseconds since the epoch, `15m` before now, or a date. */
function readInstant(name: string, text: string, now: number): number {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * UNIT_MS[ago[2]!]!;
  const at = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(at)) throw bad(name, text, 'an instant: 15m, 2026-11-21T08:00:00Z or milliseconds since the epoch');
  return at;
}

function bad(name: string, value: string, wanted: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', `${name}=${value} is not ${wanted}`, { name, value });
}
