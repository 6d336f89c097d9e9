import { createHash } from 'node:crypto';
import { EdgeError, newId } from '@edge-run/shared/kernel';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { globMatches } from '@edge-run/shared/target';
import { PyMap } from '@edge-run/shared/values';
import type { Dispatcher, DispatchRequest } from '../jobs/index.ts';
import type { SimulatedClock } from './clock.ts';

/** What goes wrong in a simulation, and how slow who is. */
export interface Faults {
  /** `app17@start`: on hosts like the first, steps whose id or function holds the second fail. */
  readonly fail: readonly { readonly host: string; readonly step: string }[];
  /** Share (0..1) of the hosts that take ten times as long. */
  readonly slowShare: number;
}

/** How long anything takes on a host that is not slow. */
export const USUAL_MS = 1_000;
const SLOWNESS = 10;

/** True when the step is to fail on the host. */
export function failsOn(faults: Faults, host: string, step: string): boolean {
  // What undoes a step bears its name: it is not what was meant.
  if (/(^|\|-)undo /.test(step)) return false;
  return faults.fail.some((fault) => globMatches(fault.host, host) && step.includes(fault.step));
}

/** Milliseconds of one piece of work on a host: the same in every simulation. */
export function durationOn(faults: Faults, host: string): number {
  const chance = createHash('sha256').update(host).digest().readUInt32BE() / 2 ** 32;
  return chance < faults.slowShare ? USUAL_MS * SLOWNESS : USUAL_MS;
}

/** Jobs that no host runs: each takes its time and does what the faults say. A repeated id answers what it answered. */
export class FakeJobs implements Dispatcher {
  readonly #clock: SimulatedClock;
  readonly #faults: Faults;
  readonly #select: (target: string, targetType: string) => Promise<readonly string[]>;
  readonly #jobs = new Map<string, Promise<JobAnswer>>();

  constructor(
    clock: SimulatedClock,
    faults: Faults,
    select: (target: string, targetType: string) => Promise<readonly string[]>,
  ) {
    this.#clock = clock;
    this.#faults = faults;
    this.#select = select;
  }

  select(target: string, targetType: string): Promise<readonly string[]> {
    return this.#select(target, targetType);
  }

  run(request: DispatchRequest, signal: AbortSignal): Promise<JobAnswer> {
    const jid = request.jid ?? newId();
    let job = this.#jobs.get(jid);
    if (job === undefined) {
      job = this.#begin(jid, request, signal);
      this.#jobs.set(jid, job);
    }
    return job;
  }

  async #begin(jid: string, request: DispatchRequest, signal: AbortSignal): Promise<JobAnswer> {
    const ids = await this.#select(request.target, request.targetType ?? 'glob');
    const chosen = request.subset === undefined ? ids : ids.slice(0, request.subset);
    const targets = new Map<string, JobTargetAnswer>();
    const atATime = request.batch === undefined ? chosen.length : batchOf(request.batch, chosen.length);
    const waiting = [...chosen];
    const work = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        await this.#clock.sleep(durationOn(this.#faults, id), signal).catch(() => undefined);
        const answer = signal.aborted ? CANCELLED : this.#answer(id, request);
        targets.set(id, answer);
        request.onAnswer?.(id, answer);
      }
    };
    await Promise.all(Array.from({ length: Math.min(Math.max(1, atATime), chosen.length) }, work));
    return { jid, targets };
  }

  #answer(id: string, { step = '', fun }: DispatchRequest): JobTargetAnswer {
    if (failsOn(this.#faults, id, `${step} ${fun}`))
      return { outcome: 'failed', retcode: 1, ret: 'failed, as the simulation was told' };
    return { outcome: 'succeeded', retcode: 0, ret: fun.startsWith('state.') ? new PyMap() : true };
  }
}

const CANCELLED: JobTargetAnswer = { outcome: 'cancelled', retcode: 1, evidence: 'the run was ended' };

/** Hosts at a time of `2`, `25%`, or the first of a list. @throws EdgeError `EDGE_BAD_ARGUMENT` */
function batchOf(batch: string, total: number): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)/.exec(batch) ?? [];
  if (digits === undefined) throw new EdgeError('EDGE_BAD_ARGUMENT', `batch ${batch} is no number and no share`);
  return percent === '%' ? Math.ceil((Number(digits) / 100) * total) : Number(digits);
}
