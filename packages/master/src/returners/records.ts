import type { InstantMs, JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { ReturnMessage, RunJournalEvent } from '@edge-run/shared/protocol';
import type { JobRecord } from '../jobs/index.ts';
import type { Correlation, HistoryRecord } from './returner.ts';

/** Records of one version of a job: published, or ended; of those nobody heard of, a `job-return` without a return. */
export function recordsOfJob(job: JobRecord, at: InstantMs): readonly HistoryRecord[] {
  const { jid, fun, by, target, targetType, targets, args, kwargs, ended, batch, rerunOf } = job;
  const correlation = correlationOfJob(job);
  const common = {
    ...{ fun, by, target, targetType, targets },
    ...(rerunOf === undefined ? {} : { rerunOf }),
    ...(batch === undefined ? {} : { batch }),
  };
  const values = { args, kwargs: Object.fromEntries(kwargs) };
  if (ended === undefined)
    return [{ id: `job/${jid}/published`, kind: 'job-published', at, correlation, data: { ...common, values } }];
  const ends = Object.entries(ended.outcomes);
  const counts: Record<string, number> = {};
  for (const [, { outcome }] of ends) counts[outcome] = (counts[outcome] ?? 0) + 1;
  const lost = ends
    .filter(([, { outcome }]) => outcome === 'unreachable' || outcome === 'no-return')
    .map(
      ([id, { outcome, retcode, evidence = '' }]): HistoryRecord => ({
        ...{ id: `job/${jid}/lost/${id}`, kind: 'job-return', at },
        correlation: { ...correlation, target: id },
        data: { fun, outcome, retcode, evidence },
      }),
    );
  const data = {
    ...{ ...common, counts, durationMs: ended.at - job.issuedAt },
    values: { ...values, outcomes: Object.fromEntries(ends) as JsonObject },
  };
  return [...lost, { id: `job/${jid}/ended`, kind: 'job-ended', at, correlation, data }];
}

/** The record of a return; none of one by a host that was not asked. */
export function recordsOfReturn(
  answer: ReturnMessage,
  job: JobRecord | undefined,
  at: InstantMs,
): readonly HistoryRecord[] {
  const { jid, id, fun, outcome, retcode, ret, error, startedAt, durationMs } = answer;
  if (job !== undefined && !job.targets.includes(id)) return [];
  const correlation = { ...(job === undefined ? { jid } : correlationOfJob(job)), target: id };
  const data = {
    ...{ fun, outcome, retcode, startedAt, durationMs },
    ...(error === undefined ? {} : { evidence: error.message, errorCode: error.code }),
    values: { return: ret },
  };
  return [{ id: `job/${jid}/return/${id}`, kind: 'job-return', at, correlation, data }];
}

/** One entry of a run's journal. */
export interface RunEntry {
  readonly run: string;
  readonly revision: number;
  readonly events: readonly RunJournalEvent[];
}

/** Records of an entry of a run's journal; `cause` is the event that started the run. */
export function recordsOfRun(entry: RunEntry, cause: string | undefined): readonly HistoryRecord[] {
  const { run, revision, events } = entry;
  const correlation: Correlation = { run, ...(cause === undefined ? {} : { cause }) };
  return events.flatMap((event, index) =>
    recordsOfEvent(event, { id: `run/${run}/${revision}-${index}`, at: event.at }, correlation),
  );
}

function recordsOfEvent(
  event: RunJournalEvent,
  common: Pick<HistoryRecord, 'id' | 'at'>,
  correlation: Correlation,
): HistoryRecord[] {
  switch (event.type) {
    case 'run-planned': {
      const { name, by, inputs, steps } = event;
      const data = { name, by, steps: steps.length, values: { inputs } };
      return [{ ...common, kind: 'run-started', correlation, data }];
    }
    case 'step-started': {
      const { step, attempt, mode } = event;
      return [{ ...common, kind: 'step-started', correlation: { ...correlation, step }, data: { attempt, mode } }];
    }
    case 'step-ended': {
      const { step, attempt, mode, outcome, startedAt, durationMs, answer } = event;
      const { result, comment, changes, hosts } = answer;
      const values: Record<string, JsonValue> = {
        changes,
        ...(hosts === undefined ? {} : { hosts: hosts as JsonObject }),
      };
      const data = { attempt, mode, outcome, result, comment, startedAt, durationMs, values };
      return [{ ...common, kind: 'step-ended', correlation: { ...correlation, step }, data }];
    }
    case 'run-ended': {
      const { outcome, exitCode, error } = event;
      const why = error === undefined ? {} : { evidence: error.message, errorCode: error.code };
      return [{ ...common, kind: 'run-ended', correlation, data: { outcome, exitCode, ...why } }];
    }
    // Who drives, waits, pauses and agrees is in the journal; a history elsewhere holds what was done.
    default:
      return [];
  }
}

function correlationOfJob({ jid, run, step, causedBy }: JobRecord): Correlation {
  return {
    jid,
    ...(run === undefined ? {} : { run: run.id }),
    ...(step === undefined ? {} : { step }),
    ...(causedBy === undefined ? {} : { cause: causedBy }),
  };
}
