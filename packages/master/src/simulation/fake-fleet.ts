import { createHash } from 'node:crypto';
import type { HostJobResult } from '@edge-run/shared/execute';
import { newId } from '@edge-run/shared/kernel';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { globMatches } from '@edge-run/shared/target';
import { PyMap } from '@edge-run/shared/values';
import { batchSettings, type Dispatcher, type DispatchRequest, gatekeeper, runBatch } from '../jobs/index.ts';
import type { SimulatedClock } from './clock.ts';

/** What goes wrong in a simulation, and how slow who is. */
export interface Faults {
  /** `app17@start`: on hosts like the first, steps whose id or function holds the second fail. */
  readonly fail: readonly { readonly host: string; readonly step: string }[];
  /** Globs of hosts that nobody can reach. */
  readonly unreachable: readonly string[];
  /** Share (0..1) of the hosts that take ten times as long. */
  readonly slowShare: number;
}

/** How long anything takes on a host that is not slow. */
export const USUAL_MS = 1_000;
const SLOWNESS = 10;
/** How long nobody hears of a host before it is given up. */
const GIVE_UP_MS = 3_000;
/** How `--fail` names the master, on which gates may run. */
const MASTER = 'master';

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
    const { gates = [], by, run } = request;
    const ask = gatekeeper(
      { jid, step: request.step },
      {
        run: (gate) => this.run({ ...gate, by }, signal),
        callMaster: async (gate) => {
          await this.#takeTime(MASTER, signal);
          return endOf(this.#faults, MASTER, gate.fun);
        },
      },
    );
    const onEnd = (id: string, answer: JobTargetAnswer): void => {
      targets.set(id, answer);
      request.onAnswer?.(id, answer);
    };
    const runOn = (id: string): Promise<JobTargetAnswer> => this.#runOn(id, request, signal);
    const settings = batchSettings(request, chosen.length);
    if (settings === undefined) {
      await Promise.all(chosen.map(async (id) => onEnd(id, await runOn(id))));
      return { jid, targets };
    }
    const stopped = await runBatch({
      ...{ targets: chosen, settings, clock: this.#clock, run: runOn, onEnd },
      askGates: (batch, members) =>
        ask(gates, { batch, ids: members, message: { by, ...(run === undefined ? {} : { run }) } }, signal),
    });
    return { jid, targets, ...(stopped === undefined ? {} : { stopped }) };
  }

  async #runOn(id: string, { fun, step }: DispatchRequest, signal: AbortSignal): Promise<JobTargetAnswer> {
    await this.#takeTime(id, signal);
    if (signal.aborted) return CANCELLED;
    if (isUnreachable(this.#faults, id)) return { ...UNREACHABLE, evidence: `nobody can reach ${id}` };
    return endOf(this.#faults, id, fun, step);
  }

  async #takeTime(id: string, signal: AbortSignal): Promise<void> {
    const tookMs = isUnreachable(this.#faults, id) ? GIVE_UP_MS : durationOn(this.#faults, id);
    await this.#clock.sleep(tookMs, signal).catch(() => undefined); // it only ends the wait
  }
}

const CANCELLED: JobTargetAnswer = { outcome: 'cancelled', retcode: 1, evidence: 'the run was ended' };
const UNREACHABLE = { outcome: 'unreachable', retcode: 1 } as const;

/** How a function ends that a host ran. */
function endOf(faults: Faults, id: string, fun: string, step = ''): Omit<HostJobResult, 'error'> {
  if (failsOn(faults, id, `${step} ${fun}`))
    return { outcome: 'failed', retcode: 1, ret: 'failed, as the simulation was told' };
  return { outcome: 'succeeded', retcode: 0, ret: fun.startsWith('state.') ? new PyMap() : true };
}

function isUnreachable({ unreachable }: Faults, id: string): boolean {
  return unreachable.some((glob) => globMatches(glob, id));
}
