import type { Host } from '../host/index.ts';
import { type Compiled, compiled, type Diagnostic, EdgeError, formatDiagnostic, hasErrors } from '../kernel/index.ts';
import { CodedAnswer, type ModuleContext } from '../modules/contract/index.ts';
import {
  bareHighData,
  compile,
  compileCatalog,
  gatherHigh,
  type HighData,
  type Plan,
  runPlan,
  type SlsMatches,
  selectStates,
  withExclusions,
} from '../state/index.ts';
import { PyMap, toPlain, type Value } from '../values/index.ts';
import type { HostRuntime, Workplace } from './runtime.ts';
import { slsSource } from './sls-source.ts';
import { topMatches } from './top-matches.ts';

/** Salt's return code of failed states. */
export const FAILED_STATES = 2;

/** How a state run is to go, as the arguments of the functions say it. */
export interface StateRequest {
  readonly test?: boolean | undefined;
  readonly saltenv?: string | undefined;
  readonly pillarenv?: string | undefined;
  readonly pillar?: Value | undefined;
  readonly exclude?: Value | undefined;
  readonly failhard?: boolean | undefined;
}

/** A compiled tree with the place it was compiled for; an answer where there is nothing to run. */
export type Prepared =
  | { readonly kind: 'plan'; readonly plan: Plan; readonly workplace: Workplace }
  | { readonly kind: 'answer'; readonly answer: CodedAnswer };

/** Gathers, compiles and runs states on the host of a runtime. */
export class StateWork {
  readonly #runtime: HostRuntime;

  constructor(runtime: HostRuntime) {
    this.#runtime = runtime;
  }

  async apply(
    mods: readonly string[],
    args: StateRequest,
    ctx: ModuleContext<Host>,
    topName?: string,
    onlyId?: string,
  ): Promise<CodedAnswer> {
    const prepared = await this.prepare(mods, args, ctx, topName, onlyId);
    return prepared.kind === 'answer' ? prepared.answer : this.run(prepared.plan, prepared.workplace.ctx, args);
  }

  /** Compiles what `apply` would run, and runs nothing. */
  async prepare(
    mods: readonly string[],
    args: StateRequest,
    ctx: ModuleContext<Host>,
    topName?: string,
    onlyId?: string,
  ): Promise<Prepared> {
    const workplace = await this.#workplace(args, ctx);
    const matches = await this.#matches(mods, args, workplace, topName);
    if (matches.value !== undefined && namesNothing(matches.value)) {
      return { kind: 'answer', answer: nothingMatches(workplace.ctx.host.id) };
    }
    const high = await this.#gather(matches, workplace);
    const whole = planOf(high, (data) =>
      compile(withExclusions(data, exclusionsOf(args.exclude)), compileCatalog(this.#runtime.catalog.states)),
    );
    const { value, diagnostics } = onlyId === undefined ? whole : planOf(whole, (all) => only(all, onlyId));
    return value === undefined
      ? { kind: 'answer', answer: errorAnswer(diagnostics) }
      : { kind: 'plan', plan: value, workplace };
  }

  async show(
    mods: readonly string[],
    args: StateRequest,
    ctx: ModuleContext<Host>,
    show: (high: HighData) => Compiled<Value>,
  ): Promise<CodedAnswer> {
    const workplace = await this.#workplace(args, ctx);
    const high = await this.#gather(await this.#matches(mods, args, workplace), workplace);
    const shown = planOf(high, show);
    return shown.value === undefined ? errorAnswer(shown.diagnostics) : new CodedAnswer(shown.value, 0);
  }

  async showTop(args: StateRequest, ctx: ModuleContext<Host>): Promise<CodedAnswer> {
    const workplace = await this.#workplace(args, ctx);
    const matches = await topMatches(this.#runtime, workplace, args.saltenv);
    if (matches.value === undefined) return errorAnswer(matches.diagnostics);
    return new CodedAnswer(new PyMap([...matches.value].map(([env, names]) => [env, [...names]])), 0);
  }

  single(
    fun: string,
    name: Value,
    kwargs: PyMap,
    options: { test: boolean | undefined },
    ctx: ModuleContext<Host>,
  ): Promise<CodedAnswer> {
    const [state = '', ...rest] = fun.split('.');
    const id = typeof name === 'string' ? name : String(toPlain(name));
    return this.low(
      new PyMap([['state', state], ['fun', rest.join('.')], ['name', name], ['__id__', id], ...kwargs]),
      options,
      ctx,
    );
  }

  async high(data: Value, options: { test: boolean | undefined }, ctx: ModuleContext<Host>): Promise<CodedAnswer> {
    const high = bareHighData(data instanceof PyMap ? data : new PyMap());
    const { value, diagnostics } = compile(high, compileCatalog(this.#runtime.catalog.states));
    return value === undefined ? errorAnswer(diagnostics) : this.run(value, ctx, options);
  }

  /** One chunk as high data: an id, a state, and what else it says as arguments. @throws EdgeError `EDGE_BAD_ARGUMENT` */
  async low(chunk: Value, options: { test: boolean | undefined }, ctx: ModuleContext<Host>): Promise<CodedAnswer> {
    const given = chunk instanceof PyMap ? chunk : new PyMap();
    const missing = ['state', 'fun', 'name', '__id__'].filter((key) => !given.has(key));
    if (missing.length > 0) throw incompleteChunk(missing);
    const id = given.get('__id__')!;
    const args = [...given].filter(
      ([key]) => !['state', 'fun', '__id__', '__sls__', '__env__', 'order'].includes(String(key)),
    );
    const body: Value = [String(given.get('fun') ?? ''), ...args.map(([key, value]) => new PyMap([[key, value]]))];
    const data = new PyMap([
      [
        id,
        new PyMap([
          [String(given.get('state') ?? ''), body],
          ['__sls__', given.get('__sls__') ?? null],
          ['__env__', given.get('__env__') ?? 'base'],
        ]),
      ],
    ]);
    return this.high(data, options, ctx);
  }

  async #workplace(args: StateRequest, ctx: ModuleContext<Host>): Promise<Workplace> {
    return this.#runtime.workplace({
      signal: ctx.signal,
      log: ctx.log,
      files: ctx.files,
      ...(args.test === undefined ? {} : { test: args.test }),
      ...(ctx.jid === undefined ? {} : { jid: ctx.jid }),
      ...(args.saltenv === undefined ? {} : { saltenv: args.saltenv }),
      ...(args.pillarenv === undefined ? {} : { pillarenv: args.pillarenv }),
      // States always see the pillar as it is now.
      pillar: args.pillar instanceof PyMap ? { override: args.pillar } : {},
    });
  }

  /** The SLS files asked for by name, or those of the top file. */
  async #matches(
    mods: readonly string[],
    args: StateRequest,
    workplace: Workplace,
    topName?: string,
  ): Promise<Compiled<SlsMatches>> {
    if (mods.length === 0) return topMatches(this.#runtime, workplace, args.saltenv, topName);
    return compiled(new Map([[args.saltenv ?? workplace.ctx.saltenv, mods]]));
  }

  async #gather(matches: Compiled<SlsMatches>, workplace: Workplace): Promise<Compiled<HighData>> {
    if (matches.value === undefined) return { value: undefined, diagnostics: matches.diagnostics };
    const { renderData } = this.#runtime.options;
    const high = await gatherHigh(
      matches.value,
      slsSource(workplace.ctx.files, renderData, async () => workplace),
    );
    return { ...high, diagnostics: [...matches.diagnostics, ...high.diagnostics] };
  }

  /** Runs a plan and answers the return of every state. */
  async run(plan: Plan, ctx: ModuleContext<Host>, args: Pick<StateRequest, 'test' | 'failhard'>): Promise<CodedAnswer> {
    const { opts } = this.#runtime.options;
    const testing = args.test ?? opts.get('test') === true;
    const { returns, succeeded } = await runPlan(plan, {
      states: this.#runtime.catalog.states,
      context: ctx,
      testing,
      failhard: args.failhard ?? opts.get('failhard') === true,
      ...(ctx.jid === undefined ? {} : { jid: ctx.jid }),
      reload: async (what) => {
        if (what === 'pillar') this.#runtime.refreshPillar();
        if (what === 'grains') await ctx.refreshFacts?.();
      },
    });
    return new CodedAnswer(returns, succeeded ? 0 : FAILED_STATES);
  }
}

/** The next stage over what the last one gave, keeping every diagnostic. */
function planOf<A, B>(before: Compiled<A>, next: (value: A) => Compiled<B>): Compiled<B> {
  if (before.value === undefined) return { value: undefined, diagnostics: before.diagnostics };
  const after = next(before.value);
  const diagnostics = [...before.diagnostics, ...after.diagnostics];
  return { value: hasErrors(diagnostics) ? undefined : after.value, diagnostics };
}

function errorAnswer(diagnostics: readonly Diagnostic[]): CodedAnswer {
  return new CodedAnswer(diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic), 1);
}

function namesNothing(matches: SlsMatches): boolean {
  return [...matches.values()].every((names) => names.length === 0);
}

/** The failure in the form of a state's return, under Salt's key (Salt 3006 state.py, call_highstate). */
function nothingMatches(id: string): CodedAnswer {
  const state = {
    name: 'No States',
    changes: {},
    result: false,
    comment: `no top file gives ${id} any state; see what matches with 'state.show_top'`,
    __run_num__: 0,
  };
  return new CodedAnswer({ 'no_|-states_|-states_|-None': state }, FAILED_STATES);
}

/** The part of a plan that an id needs. */
function only(plan: Plan, id: string): Compiled<Plan> {
  const selected = selectStates(plan, id);
  if (selected.chunks.length > 0) return compiled(selected);
  const summary = `No matches for ID '${id}' found`;
  return {
    value: undefined,
    diagnostics: [{ severity: 'error', code: 'EDGE_TARGET_MATCHES_NOTHING', summary, detail: '' }],
  };
}

/** A list, one entry, or names of SLS files with commas between. */
function exclusionsOf(exclude: Value | undefined): readonly Value[] {
  if (exclude === undefined || exclude === null) return [];
  if (typeof exclude === 'string') return exclude.split(',').map((sls) => sls.trim());
  return Array.isArray(exclude) ? exclude : [exclude];
}

function incompleteChunk(missing: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `the low chunk lacks ${missing.join(', ')}`,
    { missing },
    { hint: 'Write it as `state.show_lowstate` shows one: {state, fun, name, __id__, …}.' },
  );
}
