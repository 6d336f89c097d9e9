import type { Host } from '../../host/index.ts';
import { type Clock, cancelled, EdgeError, systemClock } from '../../kernel/index.ts';
import type { ModuleContext, StateModule } from '../../modules/contract/index.ts';
import { PyMap } from '../../values/index.ts';
import type { Chunk, Plan, RunAction, RunFact, StepMode } from '../contract.ts';
import { causesOf, createRun, decide, evolve, type RunState, resultsOf } from '../engine/index.ts';
import { firstLooks, LookAhead } from './look-ahead.ts';
import { failureText } from './perform.ts';
import { saltReturn } from './returns.ts';
import { runStep, type StepTools } from './step.ts';

/** How a plan is run on one host. */
export interface RunPlanOptions {
  /** State modules by full name. */
  readonly states: ReadonlyMap<string, StateModule>;
  /** Its host is handed to changes only; looking gets a reader. */
  readonly context: ModuleContext<Host>;
  /** Only look: no code gets a host it could write to. */
  readonly testing: boolean;
  readonly failhard?: boolean;
  /** Job id in the tags of `fire_event`. */
  readonly jid?: string;
  readonly clock?: Clock;
  /** In [0, 1); for the splay of retries. */
  readonly random?: () => number;
  /** Hears every fact as it happens; for progress displays. */
  readonly onFact?: (fact: RunFact) => void;
  /** Called after a state with `reload_modules`, `reload_grains` or `reload_pillar`. */
  readonly reload?: (what: 'modules' | 'grains' | 'pillar') => Promise<void>;
}

/** How a run of a plan ended. */
export interface PlanOutcome {
  /** Salt's return: key of the state → its return, in the order of `__run_num__`. */
  readonly returns: PyMap;
  /** False when any state failed. */
  readonly succeeded: boolean;
}

/**
 * Runs a plan on one host, in memory. A state that throws is a failed state.
 *
 * @throws EdgeError `EDGE_CANCELLED` or `EDGE_DEADLINE` when the context's signal aborts, once nothing runs any more.
 */
export async function runPlan(plan: Plan, options: RunPlanOptions): Promise<PlanOutcome> {
  const driver = new Driver(plan, options);
  return driver.run();
}

class Driver {
  readonly #options: RunPlanOptions;
  readonly #clock: Clock;
  readonly #tools: StepTools;
  readonly #plan: Plan;
  readonly #positions: ReadonlyMap<Chunk, number>;
  readonly #chunks: ReadonlyMap<string, Chunk>;
  readonly #ahead: LookAhead | undefined;
  readonly #ended = new Set<string>();
  readonly #arrived: RunFact[] = [];
  #run: RunState;
  #underWay = 0;
  #wake: () => void = () => {};
  #crash: unknown;

  constructor(plan: Plan, options: RunPlanOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#plan = plan;
    this.#positions = new Map(plan.chunks.map((chunk, index) => [chunk, index]));
    this.#ahead = LookAhead.on(options.context.host, this.#clock);
    this.#chunks = new Map(plan.chunks.map((chunk) => [chunk.key, chunk]));
    this.#run = createRun(plan, { testing: options.testing, failhard: options.failhard ?? false });
    this.#tools = {
      states: options.states,
      context: options.context,
      ...(this.#ahead === undefined ? {} : { reader: this.#ahead.reader }),
      testing: options.testing,
      clock: this.#clock,
      random: options.random ?? Math.random,
      chunkOf: (key) => this.#chunks.get(key),
      waiting: (chunk) => this.#waiting(chunk),
    };
  }

  async run(): Promise<PlanOutcome> {
    const { signal } = this.#options.context;
    for (;;) {
      const actions = signal.aborted ? [] : decide(this.#run);
      let hasSkipped = false;
      for (const action of actions) {
        if (action.kind === 'end-run') return this.#outcome(action);
        if (action.kind === 'skip-step') hasSkipped = true;
        this.#act(action);
      }
      if (hasSkipped) continue;
      if (this.#underWay === 0 && this.#arrived.length === 0) {
        if (signal.aborted) throw this.#crash ?? cancelled(signal);
        throw new EdgeError('EDGE_INTERNAL', 'nothing runs and nothing is ready, yet the run has not ended');
      }
      await this.#arrival();
    }
  }

  #act(action: Exclude<RunAction, { kind: 'end-run' }>): void {
    const at = this.#clock.now();
    if (action.kind === 'skip-step') {
      this.#take({ type: 'step-skipped', step: action.step, at, answer: action.answer });
      return;
    }
    const { step, mode } = action;
    this.#take({ type: 'step-started', step, mode, at });
    this.#underWay += 1;
    void this.#perform(this.#chunks.get(step)!, mode).then((fact) => {
      this.#underWay -= 1;
      if (fact !== undefined) this.#arrived.push(fact);
      this.#wake();
    });
  }

  /** Never rejects: a step that was cancelled has no end. */
  async #perform(chunk: Chunk, mode: StepMode): Promise<RunFact | undefined> {
    const started = this.#clock.now();
    this.#expect(chunk, mode);
    try {
      const { answer, calls } = await runStep(chunk, mode, this.#tools);
      for (const what of mode === 'foresee' ? [] : (chunk.options.reload ?? [])) await this.#options.reload?.(what);
      const at = this.#clock.now();
      return { type: 'step-ended', step: chunk.key, mode, at, answer, durationMs: at - started, calls };
    } catch (error) {
      this.#crash = error;
      if (this.#options.context.signal.aborted) return undefined;
      const answer = { result: false, changes: new PyMap(), comment: failureText(error) } as const;
      const at = this.#clock.now();
      return { type: 'step-ended', step: chunk.key, mode, at, answer, durationMs: at - started };
    }
  }

  /** Lets a host that is far away be asked for the looks of several states at once. */
  #expect(chunk: Chunk, mode: StepMode): void {
    if (this.#ahead === undefined || chunk.options.parallel) return;
    const isTurn = mode === 'run' || mode === 'watch';
    const position = this.#positions.get(chunk)!;
    this.#ahead.expect(isTurn ? firstLooks(this.#plan.chunks, position, this.#options.states) : []);
  }

  async #arrival(): Promise<void> {
    if (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    for (const fact of this.#arrived.splice(0)) {
      this.#take(fact);
      if (fact.type === 'step-ended') await this.#fire(fact);
    }
  }

  #take(fact: RunFact): void {
    this.#run = evolve(this.#run, fact);
    if (fact.type === 'step-skipped' || (fact.type === 'step-ended' && fact.mode !== 'foresee'))
      this.#ended.add(fact.step);
    this.#options.onFact?.(fact);
  }

  /** Sends the return of a state with `fire_event` (Salt 3006 state.py, event). */
  async #fire(fact: Extract<RunFact, { type: 'step-ended' }>): Promise<void> {
    const chunk = this.#chunks.get(fact.step)!;
    const { fireEvent } = chunk.options;
    if (fireEvent === undefined || fireEvent === false || fact.mode === 'foresee') return;
    const { context, jid = '' } = this.#options;
    const last = fireEvent === true ? String(chunk.name) : fireEvent;
    const result = resultsOf(this.#run).find(({ step, mode }) => step === fact.step && mode === fact.mode)!;
    const tag = ['salt', 'state_result', jid, context.host.id, last].join('/');
    try {
      const ret = saltReturn(result, chunk);
      await context.events.send(
        tag,
        new PyMap([
          ['ret', ret],
          ['len', this.#chunks.size],
        ]),
      );
    } catch (error) {
      context.log.warn(`fire_event of ${chunk.id} was not sent: ${failureText(error)}`);
    }
  }

  #waiting({ key, state, fun }: Chunk): readonly PyMap[] {
    return [...this.#chunks.values()].flatMap((chunk) =>
      chunk.state === state && chunk.fun === fun && chunk.key !== key && !this.#ended.has(chunk.key)
        ? [chunk.args]
        : [],
    );
  }

  #outcome({ succeeded }: Extract<RunAction, { kind: 'end-run' }>): PlanOutcome {
    const returns = new PyMap();
    const results = resultsOf(this.#run);
    const causes = causesOf(this.#run, results);
    for (const result of results)
      returns.set(result.key, saltReturn(result, this.#chunks.get(result.step)!, causes.get(result.key)));
    return { returns, succeeded };
  }
}
