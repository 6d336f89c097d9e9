import type { Clock } from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { hasFunctionFailed } from './batch-gate.ts';
import { type BatchSettings, type BatchState, beginBatch, decideBatch, evolveBatch } from './batch-plan.ts';

/** A job that is in this process as a whole: simulations and tests. */
export interface HeldBatch {
  /** In the order in which they are started. */
  readonly targets: readonly string[];
  readonly settings: BatchSettings;
  /** Runs the job on one target; never throws. */
  run(id: string): Promise<JobTargetAnswer>;
  /** Why the next batch may not begin; undefined when it may. */
  askGates(batch: number, ids: readonly string[]): Promise<string | undefined>;
  readonly clock: Clock;
  readonly onEnd: (id: string, answer: JobTargetAnswer) => void;
}

/**
 * Takes a batch to its end by the decisions of a real one, with nothing kept: every target gets one end. Answers why it
 * did not go on by itself, undefined when it did.
 */
export async function runBatch(batch: HeldBatch): Promise<string | undefined> {
  const { clock } = batch;
  const arrived: (readonly [string, JobTargetAnswer])[] = [];
  let wake: () => void = () => {};
  let running = 0;
  const start = async (id: string): Promise<void> => {
    running += 1;
    arrived.push([id, await batch.run(id)]);
    wake();
  };
  let state: BatchState = beginBatch(batch.targets, batch.settings);
  for (;;) {
    for (const [id, answer] of arrived.splice(0)) {
      running -= 1;
      batch.onEnd(id, answer);
      state = evolveBatch(state, { type: 'ended', id, outcome: countedOutcome(answer), at: clock.now() });
    }
    const next = decideBatch(state, clock.now());
    if (next.isOver) return state.stopped;
    if (next.start.length > 0) {
      state = evolveBatch(state, { type: 'started', ids: next.start, batch: next.batch });
      for (const id of next.start) void start(id);
    } else if (next.skip.length > 0) {
      for (const id of next.skip) batch.onEnd(id, notStarted(state.stopped!));
      state = evolveBatch(state, { type: 'skipped', ids: next.skip });
    } else if (next.gate !== undefined) {
      const problem = await batch.askGates(next.gate.batch, next.gate.ids);
      state = evolveBatch(
        state,
        problem === undefined ? { type: 'gate-passed', batch: next.gate.batch } : { type: 'stopped', because: problem },
      );
    } else if (running > 0) {
      const rested = new AbortController();
      const somebody = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const pause =
        next.wakeAt === undefined ? [] : [clock.sleep(next.wakeAt - clock.now(), rested.signal).catch(() => undefined)];
      if (arrived.length === 0) await Promise.race([somebody, ...pause]);
      rested.abort();
    } else await clock.sleep(next.wakeAt! - clock.now());
  }
}

/** How an end counts in its batch: what a function calls a failure is one, whatever its return code. */
export function countedOutcome(answer: JobTargetAnswer): JobTargetAnswer['outcome'] {
  return answer.outcome === 'succeeded' && hasFunctionFailed(answer) ? 'failed' : answer.outcome;
}

/** The end of a target that its batch never came to. */
export function notStarted(because: string): JobTargetAnswer {
  return { outcome: 'cancelled', retcode: 130, evidence: `not started: ${because}` };
}
