import { durationStats, type OrchestrationDurations, type RunView } from '@edge-run/shared/view';

/** How many times of one thing are kept: the last ones. */
const KEPT_TIMES = 100;
/** How many things are timed in all; the orchestration that has not run for longest is forgotten first. */
const KEPT_SERIES = 20_000;

interface Timed {
  readonly runs: number[];
  /** Id of a step → how long it took, oldest first. */
  readonly steps: Map<string, number[]>;
}

/** How long orchestrations and their steps took: a read model of runs that ended, bounded in memory. */
export class RunDurations {
  readonly #timed = new Map<string, Timed>();
  #series = 0;

  /** Takes a run that has ended. Runs that only looked and runs that undo others tell nothing. */
  take(view: RunView): void {
    if (view.endedAt === undefined || view.inputs.test === true || view.rollbackOf !== undefined) return;
    const timed = this.#timedOf(view.name);
    for (const step of view.steps) {
      if (step.status !== 'succeeded' || step.kept === true || step.onlyHosts !== undefined) continue;
      if (step.durationMs !== undefined) this.#add(timed, step.id, step.durationMs);
    }
    if (view.begunAt !== undefined && isUndisturbed(view)) push(timed.runs, view.endedAt - view.begunAt);
    this.#forgetOld();
  }

  /** Of one orchestration, named in full or without its folder, or of all, the last one that ran first. */
  list(name?: string): readonly OrchestrationDurations[] {
    return [...this.#timed]
      .filter(([known]) => name === undefined || known === name || known === `orch.${name}`)
      .reverse()
      .map(([known, { runs, steps }]) => ({
        name: known,
        run: durationStats(runs),
        steps: [...steps].map(([id, times]) => ({ id, ...durationStats(times)! })),
      }));
  }

  #timedOf(name: string): Timed {
    const known = this.#timed.get(name);
    if (known === undefined) this.#series += 1;
    const timed = known ?? { runs: [], steps: new Map() };
    // The last one to end stands last.
    this.#timed.delete(name);
    this.#timed.set(name, timed);
    return timed;
  }

  #add({ steps }: Timed, id: string, durationMs: number): void {
    let times = steps.get(id);
    if (times === undefined) {
      times = [];
      steps.set(id, times);
      this.#series += 1;
    }
    push(times, durationMs);
  }

  #forgetOld(): void {
    for (const [name, { steps }] of this.#timed) {
      if (this.#series <= KEPT_SERIES || this.#timed.size === 1) return;
      this.#timed.delete(name);
      this.#series -= steps.size + 1;
    }
  }
}

/** A run whose time says how long the orchestration takes: nothing was left out, nobody was waited for on the way. */
function isUndisturbed(view: RunView): boolean {
  return (
    view.outcome === 'succeeded' &&
    view.pause === undefined &&
    view.steps.every(({ kept, onlyHosts, answered }) => !kept && onlyHosts === undefined && answered === undefined)
  );
}

function push(times: number[], durationMs: number): void {
  times.push(durationMs);
  if (times.length > KEPT_TIMES) times.shift();
}
