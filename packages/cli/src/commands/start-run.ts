import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { isWaiting } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import { emit, emitData } from '../output/emit.ts';
import { renderRunResult } from '../output/run-result.ts';
import { waitLines } from '../output/run-title.ts';
import { followRun } from '../progress/follow-run.ts';
import { type RunFamily, readFamily } from '../progress/run-family.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';

type Request = OperationArgs<'orch.run'>;

/** Rendering calls hosts; the id is answered only when the plan is journaled. */
const PLAN_WITHIN_MS = 600_000;

/** What `__run__` of an orchestration may say too. */
const RUN_WORDS = ['lock', 'on_failure', 'max_failures', 'on_target_failure', 'deadline', 'approvals'] as const;

const KEYWORDS = ['saltenv', 'pillarenv', 'pillar', 'test', 'exclude', ...RUN_WORDS] as const;

/** Starts an orchestration from its words (`NAME [k=v…]`) and follows it to its end unless told not to. */
export async function startOrchestration(session: Session, words: readonly string[]): Promise<ExitCode> {
  const request = await readRequest(words, session.literalWords);
  const client = await session.master();
  const timeoutMs = session.flags.timeoutMs ?? PLAN_WITHIN_MS;
  const { run } = await client.ask('orch.run', request, { timeoutMs });
  if (session.flags.wait) return watchRun(session, run);
  await emit(session, { run }, () => `${run}\n`);
  const family = await readFamily(client, run);
  noteWaits(session, family);
  session.note(`follow it: edge-run orch status ${run} --watch`);
  const { status } = family.view;
  return isWaiting(status) && status !== 'queued' ? EXIT.waiting : EXIT.done;
}

/** What a run waits for and what to type about it. */
function noteWaits(session: Session, { view, related }: RunFamily): void {
  const now = session.io.clock.now();
  for (const line of waitLines(view, { now, related, width: Number.POSITIVE_INFINITY, style: session.noteStyle })) {
    session.note(line);
  }
}

/** Follows a run, prints how it ended, and answers with the exit code its last event carries. */
export async function watchRun(session: Session, run: string): Promise<ExitCode> {
  const { view: family, end } = await followRun(session, run);
  const { view } = family;
  if (end === 'cancel') await askToCancel(session, run);
  if (session.flags.out !== 'jsonl') await printRun(session, family);
  if (end === 'cancel' || end === 'detached') return EXIT.interrupted;
  if (end === 'timed-out') {
    session.note(`still running after --timeout; follow it: edge-run orch status ${run} --watch`);
    return EXIT.timedOut;
  }
  return (view.exitCode ?? EXIT.failed) as ExitCode;
}

/** Asks a run to stop, because the person who follows it says so. */
export async function askToCancel(session: Session, run: string): Promise<void> {
  const { cancelling } = await (await session.master()).ask('orch.abort', { run });
  session.note(cancelling ? `asked to cancel run ${run}` : `run ${run} had ended before`);
}

/** Prints a run as it is now. */
export async function printRun(session: Session, { view, ...known }: RunFamily): Promise<void> {
  const { flags, io, style } = session;
  if (isMachineFormat(flags.out)) await emitData(session, view as unknown as JsonValue);
  else if (flags.out === 'name') io.stdout.write(`${view.run}\n`);
  else {
    const width = io.stdout.columns ?? 120;
    io.stdout.write(renderRunResult(view, { ...known, now: io.clock.now(), width, style, full: flags.verbose > 0 }));
  }
}

/** The request for `NAME [k=v…]`. @throws EdgeError on unknown keywords, a missing name or wrong types */
export async function readRequest(words: readonly string[], literal = 0): Promise<Request> {
  const { args, kwargs, typed } = await encodeWords(words, literal);
  const given = new Map<string, JsonValue>(kwargs);
  const mods = given.get('mods');
  const [first = typeof mods === 'string' ? mods : undefined, ...extra] = typed.args.map((word) => word ?? '');
  given.delete('mods');
  if (first === undefined || first === '') {
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      'which orchestration?',
      {},
      {
        hint: 'Name it: edge-run orch deploy-environment pillarenv=prod',
      },
    );
  }
  if (extra.length > 0 || args.length > 1) {
    throw bad(
      `orch takes one name, ${args.length} given: ${typed.args.join(' ')}`,
      `edge-run orch ${first} ${extra.map((word) => `${word}=…`).join(' ')}`,
    );
  }
  const unknown = [...given.keys()].filter((key) => !KEYWORDS.includes(key as (typeof KEYWORDS)[number]));
  if (unknown.length > 0) throw await unknownKeyword(unknown[0]!, first);
  const test = given.get('test');
  const pillar = given.get('pillar');
  const exclude = given.get('exclude');
  if (test !== undefined && test !== null && typeof test !== 'boolean') {
    throw bad(
      `test=${typed.kwargs.test ?? String(test)} is neither True nor False`,
      `edge-run orch ${first} test=True`,
    );
  }
  if (pillar !== undefined && pillar !== null && (typeof pillar !== 'object' || Array.isArray(pillar))) {
    throw bad('pillar= must be a mapping', `edge-run orch ${first} pillar='{"version": "4.18.0"}'`);
  }
  return {
    name: first,
    ...textOf('saltenv', given, typed.kwargs),
    ...textOf('pillarenv', given, typed.kwargs),
    ...(typeof test === 'boolean' ? { test } : {}),
    ...(pillar === undefined || pillar === null ? {} : { pillar }),
    ...(exclude === undefined || exclude === null ? {} : { exclude }),
    ...optionsOf(given),
  };
}

function optionsOf(given: ReadonlyMap<string, JsonValue>): Pick<Request, 'options'> {
  const words = RUN_WORDS.flatMap((word) => (given.has(word) ? [[word, given.get(word)!] as const] : []));
  return words.length === 0 ? {} : { options: Object.fromEntries(words) };
}

/** An environment's name is text, also where YAML would read a number. */
function textOf<N extends 'saltenv' | 'pillarenv'>(
  name: N,
  given: ReadonlyMap<string, JsonValue>,
  typed: Readonly<Record<string, string>>,
): { [key in N]?: string } {
  const value = given.get(name);
  if (value === undefined || value === null) return {};
  return { [name]: typed[name] ?? String(value) } as { [key in N]?: string };
}

async function unknownKeyword(key: string, name: string): Promise<EdgeError> {
  const { didYouMean } = await import('@edge-run/shared/schema');
  const suggestion = didYouMean(key, KEYWORDS);
  return new EdgeError(
    'EDGE_UNKNOWN_ARGUMENT',
    `unknown argument \`${key}\` for orch`,
    { key, known: [...KEYWORDS] },
    {
      hint: `${suggestion === '' ? `Known: ${KEYWORDS.join(', ')}.` : suggestion} Values for the templates go into the pillar: edge-run orch ${name} pillar='{"${key}": …}'`,
    },
  );
}

function bad(message: string, example: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', message, {}, { hint: `Write: ${example}` });
}
