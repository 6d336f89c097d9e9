import { type Clock, EdgeError, type Logger } from '@edge-run/shared/kernel';
import type { RunJournalEvent, RunSummary, StepReturn } from '@edge-run/shared/protocol';
import { countRun, foldRun, type RunView, runWaits, unknownRun } from '@edge-run/shared/view';
import type { Journal, JournalEntry } from '../journal/index.ts';
import { RunDurations } from './durations.ts';

/** How many runs are kept in memory; older ones are still in the journal. */
const KEPT_RUNS = 2_000;
/** How long after the journal could not be read on it is tried again. */
const REREAD_PAUSE_MS = 1_000;
/** How much of a step's comment is kept. */
const KEPT_COMMENT = 500;

/** Ends that `@last-failed` means; what a person cancelled did not fail. */
const FAILED: ReadonlySet<string> = new Set(['failed', 'rolled-back', 'timed-out']);

/** The runs of the journal as lists show them: a read model that is rebuilt from the journal at every start. */
export class RunHistory {
  /** How long those that ended took. */
  readonly durations = new RunDurations();
  readonly #views = new Map<string, RunView>();

  /** Follows the journal until `signal` aborts; `onEntry` hears every entry too, in order. */
  async follow(
    journal: Journal<RunJournalEvent>,
    signal: AbortSignal,
    { log, clock }: { readonly log: Logger; readonly clock: Clock },
    onEntry: (entry: JournalEntry<RunJournalEvent>) => void = () => {},
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const entry of journal.tail(signal)) {
          this.#take(entry.run, entry.events);
          onEntry(entry);
        }
      } catch (error) {
        if (!signal.aborted) log.warn('the journal is read anew for the list of runs', { reason: String(error) });
      }
      // Read from the beginning: what is folded again changes nothing.
      if (!signal.aborted) await clock.sleep(REREAD_PAUSE_MS, signal).catch(() => undefined);
    }
  }

  /** Newest first. `isOwned`: whether a master drives the run now. */
  list(isOwned: (run: string) => boolean): readonly RunSummary[] {
    return [...this.#views.values()].reverse().map((view) => this.#summaryOf(view, isOwned(view.run)));
  }

  /**
   * The id that `text` means: an id, a unique prefix or ending, `@last`, `@last-failed`.
   * @throws EdgeError `EDGE_UNKNOWN_RUN` for none, `EDGE_BAD_ARGUMENT` for several
   */
  resolve(text: string): string {
    if (this.#views.has(text)) return text;
    const newest = [...this.#views.values()].reverse();
    if (text === '@last' || text === '@last-failed') {
      const found = newest.find(({ status }) => text === '@last' || FAILED.has(status));
      if (found === undefined) throw unknown(text);
      return found.run;
    }
    const wanted = text.toUpperCase();
    const matches = newest.filter(({ run }) => run.startsWith(wanted) || run.endsWith(wanted));
    if (matches.length === 0) throw unknown(text);
    if (matches.length > 1) {
      const ids = matches.map(({ run }) => run);
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `\`${text}\` is short for several runs`,
        { runs: ids },
        { hint: `One of: ${ids.slice(0, 5).join(', ')}` },
      );
    }
    return matches[0]!.run;
  }

  #take(run: string, events: readonly RunJournalEvent[]): void {
    const known = this.#views.get(run) ?? unknownRun(run);
    const view = events.map(slim).reduce<RunView>(foldRun, known);
    this.#views.set(run, view);
    if (known.endedAt === undefined && view.endedAt !== undefined) this.durations.take(view);
    if (this.#views.size > KEPT_RUNS) this.#forgetOldest();
  }

  /** What has not ended stays: its next entry would be folded into nothing. */
  #forgetOldest(): void {
    for (const [run, { endedAt }] of this.#views) {
      if (endedAt === undefined) continue;
      this.#views.delete(run);
      return;
    }
  }

  #summaryOf(view: RunView, isOwned: boolean): RunSummary {
    const { steps: counts } = countRun(view);
    const waits = runWaits(view, { when, related: (run) => this.#views.get(run) });
    return {
      run: view.run,
      name: view.name,
      by: view.by,
      inputs: { ...view.inputs },
      state: stateOf(view, isOwned),
      startedAt: view.startedAt ?? 0,
      steps: { total: counts.total, ended: counts.ended, failed: counts.failed },
      current: view.running.map((key) => view.steps.find((step) => step.key === key)?.id ?? key),
      ...(waits.length === 0 ? {} : { waitsFor: waits.map(({ text }) => text).join('; ') }),
      ...(view.endedAt === undefined ? {} : { endedAt: view.endedAt }),
      ...(view.exitCode === undefined ? {} : { exitCode: view.exitCode }),
      ...(view.master === undefined ? {} : { master: view.master.id }),
    };
  }
}

/**
 * An event as it is shown: the compiled plan holds the pillar and is nobody's business, and whom its targets selected may
 * be more than a message holds.
 */
export function withoutPlan(event: RunJournalEvent): RunJournalEvent {
  if (event.type !== 'run-planned') return event;
  const { fleet: _fleet, ...planned } = event;
  return { ...planned, plan: null };
}

/** What lists do not show is not kept in memory: what steps changed and found out, and what hosts answered. */
function slim(event: RunJournalEvent): RunJournalEvent {
  if (event.type === 'run-planned') {
    const { registered: _registered, fleet: _fleet, kept = [], ...planned } = event;
    return { ...planned, plan: null, kept: kept.map(({ step, answer }) => ({ step, answer: slimReturn(answer) })) };
  }
  if (event.type === 'step-ended' || event.type === 'run-asked') return { ...event, answer: slimReturn(event.answer) };
  return event;
}

function slimReturn({ hosts = {}, data: _data, ...answer }: StepReturn): StepReturn {
  const ends = Object.entries(hosts).map(([id, { outcome }]) => [id, { outcome }] as const);
  return { ...answer, changes: null, comment: answer.comment.slice(0, KEPT_COMMENT), hosts: Object.fromEntries(ends) };
}

/** A run that goes on although nobody drives it is orphaned; one that waits needs nobody until it is woken. */
function stateOf({ status }: RunView, isOwned: boolean): RunSummary['state'] {
  if (status === 'unknown' || status === 'running') return isOwned ? 'running' : 'orphaned';
  if (status === 'rolling-back' && !isOwned) return 'orphaned';
  return status;
}

function when(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function unknown(run: string): EdgeError {
  return new EdgeError('EDGE_UNKNOWN_RUN', `no run ${run}`, { run }, { hint: "List runs with 'edge-run orch ls'." });
}
