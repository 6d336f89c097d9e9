import type { RunJournalEvent, StepForecast, StepReturn } from '@edge-run/shared/protocol';
import { type Chunk, resultsOf, resumeRun, type StepKey } from '@edge-run/shared/state';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import type { RunRecord } from './run-record.ts';
import type { StepKind } from './step-kind.ts';
import { nextTurn } from './turn.ts';

/** What a forecast of a run is made with. */
export interface ForecastParts {
  /** What becomes of a step that had started when its master died. */
  afterCrash(record: RunRecord, step: StepKey): StepKind['afterCrash'];
  /** The master that drives the run and is alive; undefined where the run is to be taken up. */
  readonly drivenBy: string | undefined;
  /** Step → why it is kept, or done again, where somebody has said so. */
  readonly why?: ReadonlyMap<StepKey, string>;
}

type Fate = Pick<StepForecast, 'what' | 'why'>;

/**
 * What becomes of each step of a run that goes on, in the order of the plan, if what is still to be done succeeds and
 * changes something. Pure: the run is played on by the functions that decide for the true one.
 */
export function forecastRun(record: RunRecord, parts: ForecastParts): readonly StepForecast[] {
  const fates = new Map<StepKey, Fate>();
  for (const { step, answer, mode } of resultsOf(record.state)) {
    if (mode !== 'react') fates.set(step, { what: 'keep', why: endText(answer, mode === 'skipped') });
  }
  const underway = resumeRun(record.state);
  for (const { step } of underway) fates.set(step, fateOfStarted(record, step, parts));
  const facts = underway
    .filter(({ step }) => record.questions.get(step)?.choice === undefined)
    .map(({ step, mode, attempt }) => success(record, { step, mode, attempt }));
  playOn(record, facts, fates);
  const why =
    record.aborting === undefined ? 'the run ends before it' : `the run is being ended: ${record.aborting.reason}`;
  return record.stored.plan.chunks.map((chunk) =>
    forecastOf(record, chunk, fates.get(chunk.key) ?? { what: 'skip', why }, parts),
  );
}

/** Decides again and again as the driver does, each step that starts succeeding at once. */
function playOn(waiting: RunRecord, ended: readonly RunJournalEvent[], fates: Map<StepKey, Fate>): void {
  // What a run waits for is told apart; here it has come.
  const {
    locks: _locks,
    approvals: _approvals,
    deadlineMs: _deadline,
    maxFailures: _limit,
    ...options
  } = waiting.options;
  let record: RunRecord = { ...waiting, paused: false, options: { ...options, locks: [] } };
  let facts = ended;
  for (;;) {
    const turn = nextTurn(record, facts, { running: 0, now: record.plannedAt });
    record = turn.record;
    for (const event of turn.events) {
      if (event.type === 'step-ended' && event.outcome === 'skipped')
        fates.set(event.step, { what: 'skip', why: event.answer.comment });
    }
    if (turn.starts.length === 0) return;
    for (const { step, mode, attempt } of turn.starts) {
      if (mode !== 'foresee') fates.set(step, { what: 'run', why: startText(mode, attempt) });
    }
    facts = turn.starts.map((start) => success(record, start));
  }
}

function startText(mode: string, attempt: number): string {
  if (mode === 'react') return 'done, and reacts at the end to what it listens to';
  return attempt > 1 ? 'failed, and somebody wants it tried again' : 'not started';
}

function forecastOf(record: RunRecord, { key, id }: Chunk, { what, why }: Fate, parts: ForecastParts): StepForecast {
  const hosts = what === 'keep' ? undefined : record.onlyHosts.get(key);
  const said = what === 'keep' || what === 'run' ? parts.why?.get(key) : undefined;
  return { key, id, what, why: said ?? why, ...(hosts === undefined ? {} : { hosts: [...hosts] }) };
}

function fateOfStarted(record: RunRecord, step: StepKey, { afterCrash, drivenBy }: ForecastParts): Fate {
  const question = record.questions.get(step);
  if (question !== undefined) return { what: 'ask', why: 'failed, and waits for an answer: edge-run orch answer' };
  if (drivenBy !== undefined) return { what: 'run', why: `is running on ${drivenBy}` };
  switch (afterCrash(record, step)) {
    case 'reattach':
      return { what: 'verify', why: 'was running; what came of it is asked, and it is not done twice' };
    case 'rerun':
      return { what: 'run', why: 'was running; it is done again, which is harmless' };
    case 'ask':
      return { what: 'ask', why: 'was running; whether it was done is not known, so a person is asked' };
  }
}

function endText(
  { result, ran, comment }: Pick<StepReturn, 'result' | 'ran' | 'comment'>,
  wasSkipped: boolean,
): string {
  if (result !== false) return ran === false ? 'did not have to run' : 'succeeded';
  const reason = comment.split('\n')[0];
  return wasSkipped ? `was not run: ${reason}` : `failed: ${reason}`;
}

/** The end of a step that succeeds and changes something. */
function success(
  { id, plannedAt }: RunRecord,
  { step, mode, attempt }: { readonly step: StepKey; readonly mode: string; readonly attempt: number },
): RunJournalEvent {
  const answer = { result: true, changes: encodeValue(new PyMap([['changed', true]])), comment: '' };
  const end = { step, mode, attempt, answer, outcome: 'succeeded', startedAt: plannedAt, durationMs: 0 } as const;
  return { type: 'step-ended', run: id, at: plannedAt, ...end };
}
