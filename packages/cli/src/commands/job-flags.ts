import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import type { Command } from 'commander';
import { collect, parseCount, parseDuration } from '../flags.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';
import type { Options } from './registry.ts';

type JobFlags = Pick<
  OperationArgs<'jobs.publish'>,
  | 'batch'
  | 'batchWaitMs'
  | 'batchSafe'
  | 'subset'
  | 'failhard'
  | 'maxFailures'
  | 'maxUnreachable'
  | 'gate'
  | 'transport'
  | 'roster'
>;

/** Options of everything that becomes a job. */
export function addJobFlags(command: Command): Command {
  return command
    .option(
      '-b, --batch <size>',
      'at most this many targets at a time: 2, 25%; one after the other: 1,25%,100%',
      parseBatch,
    )
    .option('--batch-wait <duration>', 'pause after each target of a batch has ended: 30 (seconds), 2m', parseDuration)
    .option(
      '--max-failures <limit>',
      'with --batch: how many targets may fail, 3 or 10%, before no other is started',
      parseLimit,
    )
    .option('--max-unreachable <limit>', 'how many may be unreachable besides (as --max-failures)', parseLimit)
    .option(
      '--gate <mapping>',
      "what has to succeed behind each batch: '{fun: test.ping}', '{fun: …, kwarg: {…}, on: master}'; may be given several times",
      collect,
      [],
    )
    .option('--subset <count>', 'only so many targets, chosen at random', parseCount)
    .option('--failhard', 'with --batch: start no further target after one that did not succeed')
    .option('--async', 'print the job id and return (as --no-wait)');
}

/** The job options of a parsed command line, as the operation takes them. */
export async function readJobFlags(options: Options): Promise<JobFlags> {
  const { batch, batchWait, batchSafeLimit, batchSafeSize = '8', subset, failhard } = options;
  const { maxFailures, maxUnreachable } = options;
  const gates = await readGates((options.gate ?? []) as readonly string[]);
  return {
    ...(typeof batch === 'string' ? { batch } : {}),
    ...(typeof batchSafeLimit === 'number'
      ? { batchSafe: { limit: batchSafeLimit, size: String(batchSafeSize) } }
      : {}),
    ...(typeof batchWait === 'number' ? { batchWaitMs: batchWait } : {}),
    ...(typeof maxFailures === 'string' ? { maxFailures } : {}),
    ...(typeof maxUnreachable === 'string' ? { maxUnreachable } : {}),
    ...(gates.length === 0 ? {} : { gate: gates }),
    ...(typeof subset === 'number' ? { subset } : {}),
    ...(failhard === true ? { failhard } : {}),
    ...(options.transport === 'ssh' ? { transport: 'ssh' as const } : {}),
    ...(typeof options.roster === 'string' ? { roster: options.roster } : {}),
  };
}

/** Each word is YAML, as in an orchestration; what it has to say is the master's to judge. */
async function readGates(words: readonly string[]): Promise<JsonValue[]> {
  const read = await Promise.all(words.map((word) => encodeWords([`gate=${word}`])));
  return read.flatMap(({ kwargs }) => kwargs.flatMap(([, value]) => value));
}

/** `--async` is `--no-wait` under the name users of Salt know. */
export function withAsync(session: Session, options: Options): Session {
  return options.async === true ? { ...session, flags: { ...session.flags, wait: false } } : session;
}

/** Numbers or shares of targets. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function parseBatch(text: string): string {
  if (text.split(',').every((part) => /^[1-9]\d*%?$/.test(part))) return text;
  throw noAmount('--batch', text, "Write a count or a share: edge-run --batch 25% '*' test.ping");
}

function parseLimit(text: string): string {
  if (/^\d+%?$/.test(text)) return text;
  throw noAmount('the limit', text, 'Write a count or a share: --max-failures 10%');
}

function noAmount(what: string, text: string, hint: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', `${what} ${text} is no number and no percentage`, { text }, { hint });
}
