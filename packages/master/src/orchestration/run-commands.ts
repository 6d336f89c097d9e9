import { type Clock, EdgeError } from '@edge-run/shared/kernel';
import type { FailureChoice } from '@edge-run/shared/protocol';
import type { StepKey } from '@edge-run/shared/state';
import { RELEASED } from './driver.ts';
import { getStepIndex } from './find-step.ts';
import type { RunRecord } from './run-record.ts';
import { abortOf, type RunService } from './runs.ts';
import type { ApprovalOptions } from './step-kind.ts';

/**
 * What people, and other runs, want of a run: it becomes an entry of its journal, whoever drives the run and whether
 * anybody does. All throw EdgeError `EDGE_UNKNOWN_RUN` and `EDGE_RUN_ENDED`.
 */
export class RunCommands {
  readonly #runs: RunService;
  readonly #clock: Clock;

  constructor(runs: RunService, clock: Clock) {
    this.#runs = runs;
    this.#clock = clock;
  }

  /** Ends a run: what runs is cancelled, nothing further starts; what was done is undone where asked. */
  async abort(id: string, by: string, { rollback }: { readonly rollback: boolean }): Promise<void> {
    await this.#runs.command(id, (record) => abortOf(record.id, by, this.#clock.now(), rollback));
  }

  /** No further step starts until `resume`. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_RUN_ENDED` */
  async pause(id: string, by: string, reason?: string): Promise<void> {
    await this.#runs.command(id, (record) => ({
      ...{ type: 'run-paused', run: record.id, at: this.#clock.now(), by },
      ...(reason === undefined ? {} : { reason }),
    }));
  }

  /**
   * Lets a paused run go on, and takes up one that nobody drives. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_RUN_ENDED`
   */
  async resume(id: string, by: string): Promise<void> {
    const record = await this.#runs.unended(id);
    // Whoever takes a run up says what has moved.
    const taken = this.#runs.driven(id) === undefined ? await this.#runs.takeUp() : [];
    if (!record.paused) return;
    if (!taken.includes(id)) await this.#runs.tellMoved(id);
    const at = this.#clock.now();
    await this.#runs.command(id, () => ({ type: 'run-resumed', run: id, at, by }));
  }

  /**
   * Agrees to the plan of a run, or to one step that asks.
   *
   * @throws EdgeError `EDGE_NOT_ALLOWED` for who started it where that does not count; `EDGE_RUN_NOT_WAITING`
   */
  async approve(id: string, by: string, what: { readonly step?: string; readonly comment?: string }): Promise<void> {
    await this.#runs.command(id, (record) => {
      const { approvals } = record.options;
      const step = what.step === undefined ? undefined : stepKeyOf(record, what.step);
      if (step === undefined && approvals === undefined)
        throw new EdgeError('EDGE_RUN_NOT_WAITING', `run ${id} needs no approval`, { run: id });
      if (step === undefined && by === record.by && approvals?.self !== true) throw ownApproval(id, by);
      return {
        ...{ type: 'run-approved', run: record.id, at: this.#clock.now(), by, digest: record.digest },
        ...(step === undefined ? {} : { step }),
        ...(what.comment === undefined ? {} : { comment: what.comment }),
      };
    });
  }

  /** Refuses a run that waits for approval, or a step that asks. @throws EdgeError `EDGE_RUN_NOT_WAITING` */
  async reject(id: string, by: string, what: { readonly step?: string; readonly comment?: string }): Promise<void> {
    await this.#runs.command(id, (record) => {
      if (what.step === undefined && record.begunAt !== undefined) {
        const hint = `End it with 'edge-run orch abort ${id}'.`;
        throw new EdgeError('EDGE_RUN_NOT_WAITING', `run ${id} has begun already`, { run: id }, { hint });
      }
      return {
        ...{ type: 'run-rejected', run: record.id, at: this.#clock.now(), by },
        ...(what.step === undefined ? {} : { step: stepKeyOf(record, what.step) }),
        ...(what.comment === undefined ? {} : { comment: what.comment }),
      };
    });
  }

  /** Says what becomes of a failed step. Without `step`, of the only one that asks. @throws EdgeError `EDGE_RUN_NOT_WAITING` */
  async answer(id: string, by: string, choice: FailureChoice, stepName?: string): Promise<void> {
    await this.#runs.command(id, (record) => {
      const open = [...record.questions.values()].filter((question) => question.choice === undefined);
      const wanted = stepName === undefined ? undefined : stepKeyOf(record, stepName);
      const matching = open.filter(({ asked }) => wanted === undefined || asked.step === wanted);
      const [question] = matching;
      if (question === undefined || matching.length > 1) {
        const ids = open.map(({ asked }) => summaryIdOf(record, asked.step));
        const hint = ids.length === 0 ? `See: edge-run orch show ${id}` : `Say which with --step: ${ids.join(', ')}.`;
        throw new EdgeError('EDGE_RUN_NOT_WAITING', `run ${id} asks about ${ids.length} steps`, { run: id }, { hint });
      }
      const at = this.#clock.now();
      return { type: 'run-answered', run: record.id, at, step: question.asked.step, choice, by };
    });
  }

  /** Resolves once enough people have agreed to a step. @throws EdgeError `EDGE_APPROVAL_REJECTED`, `EDGE_CANCELLED` */
  async approved(
    id: string,
    step: StepKey,
    { count, self }: ApprovalOptions,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const stopped = aborted(signal);
    for (;;) {
      signal.throwIfAborted();
      const driver = this.#runs.driven(id);
      if (driver === undefined) throw RELEASED;
      const { stepApprovals, rejected, by } = driver.record;
      const agreed = (stepApprovals.get(step) ?? []).filter((who) => self || who !== by);
      if (agreed.length >= count) return agreed;
      if (rejected?.step === step) {
        const why = `rejected by ${rejected.by}${rejected.comment === undefined ? '' : `: ${rejected.comment}`}`;
        throw new EdgeError('EDGE_APPROVAL_REJECTED', why, { run: id });
      }
      await Promise.race([driver.changed(), stopped]);
    }
  }
}

/** The key of the step that is called so. @throws EdgeError `EDGE_BAD_ARGUMENT` */
function stepKeyOf({ id, stored }: RunRecord, name: string): StepKey {
  const { chunks } = stored.plan;
  return chunks[getStepIndex(id, chunks, name)]!.key;
}

function summaryIdOf(record: RunRecord, step: StepKey): string {
  return record.stored.plan.chunks.find(({ key }) => key === step)?.id ?? step;
}

function ownApproval(run: string, by: string): EdgeError {
  return new EdgeError(
    'EDGE_NOT_ALLOWED',
    `${by} started run ${run} and cannot approve it`,
    { run },
    { hint: 'Somebody else has to agree, or `approvals: {self: True}` must stand in the orchestration.' },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
