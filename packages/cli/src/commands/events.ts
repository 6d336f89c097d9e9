import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { EdgeEvent } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode, SUBJECTS } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { isMachineFormat, parseCount, readSince } from '../flags.ts';
import { emit, STREAM_VERSION } from '../output/emit.ts';
import { sanitize, truncate } from '../output/style.ts';
import { formatClock } from '../output/times.ts';
import { formatInline, plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';
import { type Options, type Register, wordAt, wordsAt } from './registry.ts';

/** `events watch` and `events send TAG [JSON | k=v…]`. */
export function addEventsCommands(program: Command, register: Register): void {
  const events = program.command('events').summary('watch and send events');
  register(
    events
      .command('watch [tag]')
      .summary("print events as they come; a tag such as 'run/*' selects")
      .option('--since <when>', 'begin with those since: 15m, today, a date')
      .option('--count <number>', 'end after so many', parseCount),
    watchEvents,
  );
  register(
    events
      .command('send <tag> [data...]')
      .summary('publish an event; data is one JSON object or k=v words')
      .addHelpText('after', `\nExample:  edge-run events send release/requested '{"version": "4.18.0"}'`),
    sendEvent,
  );
}

async function watchEvents(session: Session, words: readonly unknown[], options: Options): Promise<ExitCode> {
  const { io, flags } = session;
  const tag = typeof words[0] === 'string' ? words[0] : '*';
  const client = await session.master();
  const stop = new AbortController();
  const forget = io.onInterrupt(() => stop.abort());
  const timer = flags.timeoutMs === undefined ? undefined : setTimeout(() => stop.abort(), flags.timeoutMs);
  try {
    const live = await client.events(SUBJECTS.events, stop.signal);
    if (flags.out === 'jsonl') io.stdout.write(`${JSON.stringify(STREAM_VERSION)}\n`);
    const told = new Set<string>();
    const limit = typeof options.count === 'number' ? options.count : Number.POSITIVE_INFINITY;
    if (typeof options.since === 'string') {
      const since = readSince(options.since, io.clock.now());
      const { events } = await client.ask('events.recent', { since, tag });
      for (const event of events.slice(0, limit)) {
        told.add(event.id);
        printEvent(session, event);
      }
    }
    if (io.stderr.isTty) session.note(session.noteStyle.dim('(live; Ctrl-C ends)'));
    let count = told.size;
    if (count < limit) {
      for await (const event of live) {
        if (told.has(event.id) || !tagMatches(tag, event.tag)) continue;
        printEvent(session, event);
        count += 1;
        if (count >= limit) break;
      }
    }
  } finally {
    clearTimeout(timer);
    forget();
    stop.abort();
  }
  return EXIT.done;
}

function printEvent({ io, flags, style }: Session, event: EdgeEvent): void {
  const data = plainJson(event.data);
  if (isMachineFormat(flags.out)) {
    io.stdout.write(`${JSON.stringify({ ...event, data, at: new Date(event.at).toISOString() })}\n`);
    return;
  }
  if (flags.out === 'name') {
    io.stdout.write(`${event.tag}\n`);
    return;
  }
  const cause = event.causedBy === undefined ? '' : `   caused by ${event.causedBy}`;
  const head = `${formatClock(event.at)} ${sanitize(event.tag)}`;
  const room = io.stdout.columns === undefined ? 100_000 : io.stdout.columns - head.length - 3;
  const text = truncate(sanitize(`${formatInline(event.data)}${cause}`), Math.max(20, room));
  io.stdout.write(`${style.dim(formatClock(event.at))} ${style.cyan(sanitize(event.tag))}   ${text}\n`);
}

async function sendEvent(session: Session, words: Parameters<typeof wordAt>[0]): Promise<ExitCode> {
  const tag = wordAt(words, 0);
  const data = await readData(tag, wordsAt(words, 1));
  const { id } = await (await session.master()).ask('events.send', { tag, data });
  await emit(session, { id, tag }, () => `${id}\n`);
  return EXIT.done;
}

async function readData(tag: string, words: readonly string[]): Promise<JsonValue> {
  const { args, kwargs } = await encodeWords(words);
  const hint = `Write: edge-run events send ${tag} '{"key": "value"}'   or   edge-run events send ${tag} key=value`;
  if (args.length > 1 || (args.length === 1 && kwargs.length > 0)) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'an event has one JSON value or k=v words as its data', {}, { hint });
  }
  if (args.length === 1) return args[0]!;
  const { encodeValue, decodeValue, PyMap } = await import('@edge-run/shared/values');
  return encodeValue(new PyMap(kwargs.map(([key, value]) => [key, decodeValue(value)])));
}

/** `*` is any text, `?` any character, as in reactor configuration. */
export function tagMatches(glob: string, tag: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 's').test(tag);
}
