import { hasFunctionFailed } from '@edge-run/master/jobs';
import { type BatchState, beginBatch, decideBatch, evolveBatch } from '@edge-run/master/jobs/internal';
import type { Clock } from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';

/** A batch whose targets are functions of this process. */
export interface LocalBatch {
  readonly targets: readonly string[];
  readonly settings: Parameters<typeof beginBatch>[1];
  run(id: string): Promise<JobTargetAnswer>;
  /** Why the next batch may not begin; undefined when it may. */
  askGates(batch: number, ids: readonly string[]): Promise<string | undefined>;
  readonly clock: Clock;
  readonly onEnd: (id: string, answer: JobTargetAnswer) => void;
}

/** Takes a batch to its end by the decisions of the master, with nothing kept; answers why it did not go on. */
export async function runLocalBatch(batch: LocalBatch): Promise<string | undefined> {
  const { clock } = batch;
  const running = new Map<string, Promise<readonly [string, JobTargetAnswer]>>();
  let state: BatchState = beginBatch(batch.targets, batch.settings);
  for (;;) {
    const next = decideBatch(state, clock.now());
    if (next.isOver) return state.stopped;
    if (next.start.length > 0) {
      state = evolveBatch(state, { type: 'started', ids: next.start, batch: next.batch });
      for (const id of next.start)
        running.set(
          id,
          batch.run(id).then((answer) => [id, answer] as const),
        );
    } else if (next.skip.length > 0) {
      const evidence = `not started: ${state.stopped}`;
      for (const id of next.skip) batch.onEnd(id, { outcome: 'cancelled', retcode: 130, evidence });
      state = evolveBatch(state, { type: 'skipped', ids: next.skip });
    } else if (next.gate !== undefined) {
      const problem = await batch.askGates(next.gate.batch, next.gate.ids);
      state =
        problem === undefined
          ? evolveBatch(state, { type: 'gate-passed', batch: next.gate.batch })
          : evolveBatch(state, { type: 'stopped', because: problem });
    } else if (running.size > 0) {
      const [id, answer] = await Promise.race(running.values());
      running.delete(id);
      batch.onEnd(id, answer);
      const outcome = answer.outcome === 'succeeded' && hasFunctionFailed(answer) ? 'failed' : answer.outcome;
      state = evolveBatch(state, { type: 'ended', id, outcome, at: clock.now() });
    } else await clock.sleep(next.wakeAt! - clock.now());
  }
}
