import { z } from 'zod';
import type { Host } from '../host/index.ts';
import { type Compiled, compiled, type Diagnostic, EdgeError, formatDiagnostic, hasErrors } from '../kernel/index.ts';
import { CodedAnswer, defineWrite, type ExecutionModule, type ModuleContext } from '../modules/contract/index.ts';
import { anyValue } from '../schema/index.ts';
import {
  bareHighData,
  compile,
  compileCatalog,
  compileLow,
  compileRawLow,
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

/** Arguments every state function takes besides its own, in Salt's words. */
const common = {
  test: z.boolean().optional().describe('Only look: change nothing, and say what would change.'),
  saltenv: z.string().optional().describe('File environment; `base` when absent.'),
  pillarenv: z.string().optional().describe('Pillar environment.'),
  pillar: anyValue().optional().describe('Pillar values laid over the compiled pillar.'),
  exclude: anyValue().optional().describe('Ids or SLS files to leave out.'),
  queue: z
    .union([z.boolean(), z.number()])
    .optional()
    .describe('Accepted for Salt trees: a second state run always waits.'),
  concurrent: z.boolean().optional().describe('Accepted for Salt trees: state runs of one host never mix.'),
  failhard: z.boolean().optional().describe('The first failure ends the run.'),
};
const commonArgs = z.object(common);
type CommonArgs = z.output<typeof commonArgs>;

const modsArg = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((mods) =>
    mods === undefined
      ? []
      : typeof mods === 'string'
        ? mods
            .split(',')
            .map((name) => name.trim())
            .filter(Boolean)
        : mods,
  )
  .describe('SLS files: a list, or names with commas between; the highstate when absent.');

const RETURNS = 'Key of each state → its return; a list of error texts when nothing could be run.';

/** Salt's return code of failed states. */
const FAILED_STATES = 2;

/** The `state.*` functions of one host. */
export function stateFunctions(runtime: HostRuntime): readonly ExecutionModule[] {
  const states = new StateWork(runtime);
  const apply = (name: string, summary: string): ExecutionModule =>
    defineWrite({
      name,
      summary,
      returns: RETURNS,
      args: z.object({ mods: modsArg, ...common }),
      examples: [{ title: 'one SLS', args: { mods: 'nginx' } }],
      run: (args, ctx) => states.apply(args.mods, args, ctx),
    });
  return [
    apply('state.apply', 'Applies SLS files, or the highstate when none is named.'),
    apply('state.sls', 'Applies SLS files.'),
    defineWrite({
      name: 'state.highstate',
      summary: 'Applies what the top file says about this host.',
      returns: RETURNS,
      args: commonArgs,
      examples: [{ title: 'only look', args: { test: true } }],
      run: (args, ctx) => states.apply([], args, ctx),
    }),
    defineWrite({
      name: 'state.top',
      summary: 'Applies what a top file of another name says about this host.',
      returns: RETURNS,
      args: z.object({ topfn: z.string().describe('The top file: `other-top.sls`.'), ...common }),
      examples: [{ title: 'a top file of its own', args: { topfn: 'rescue.sls' } }],
      run: (args, ctx) => states.apply([], args, ctx, args.topfn),
    }),
    ...showFunctions(states),
    ...singleFunctions(states),
  ];
}

function showFunctions(states: StateWork): readonly ExecutionModule[] {
  const shown = (name: string, summary: string, show: (high: HighData) => Compiled<Value>): ExecutionModule =>
    defineWrite({
      name,
      summary,
      returns: 'Data of the states; a list of error texts when they do not compile.',
      args: z.object({ mods: modsArg, ...common }),
      examples: [{ title: 'one SLS', args: { mods: 'nginx' } }],
      run: (args, ctx) => states.show(args.mods, args, ctx, show),
    });
  const high = (data: HighData): Compiled<Value> => ({ value: data.data, diagnostics: [] });
  const low = (data: HighData): Compiled<Value> => listed(compileLow(data));
  const raw = (data: HighData): Compiled<Value> => listed(compileRawLow(data));
  return [
    shown('state.show_sls', 'Answers the high data of SLS files.', high),
    shown('state.show_highstate', 'Answers the high data of the highstate.', high),
    shown('state.show_low_sls', 'Answers the low data of SLS files, in order.', raw),
    shown('state.show_lowstate', 'Answers the low data of the highstate, in order.', low),
    defineWrite({
      name: 'state.show_top',
      summary: 'Answers which SLS files the top file gives this host.',
      returns: 'Environment → names.',
      args: commonArgs,
      examples: [{ title: 'this host', args: {} }],
      run: (args, ctx) => states.showTop(args, ctx),
    }),
    defineWrite({
      name: 'state.show_states',
      summary: 'Answers the SLS files of the highstate, in order of application.',
      returns: 'A list of names.',
      args: commonArgs,
      examples: [{ title: 'this host', args: {} }],
      run: async (args, ctx) => states.show([], args, ctx, (data) => ({ value: slsNames(data), diagnostics: [] })),
    }),
  ];
}

function singleFunctions(states: StateWork): readonly ExecutionModule[] {
  return [
    defineWrite({
      name: 'state.single',
      summary: 'Applies one state, given on the command line.',
      returns: RETURNS,
      keywords: 'kwargs',
      args: z.object({
        fun: z.string().describe('The state: `pkg.installed`.'),
        name: anyValue().describe('Its name.'),
        test: common.test,
        queue: common.queue,
        kwargs: anyValue().optional().describe('Its arguments.'),
      }),
      examples: [{ title: 'a package', args: { fun: 'pkg.installed', name: 'vim' } }],
      run: ({ fun, name, test, kwargs }, ctx) =>
        states.single(fun, name, kwargs instanceof PyMap ? kwargs : new PyMap(), { test }, ctx),
    }),
    defineWrite({
      name: 'state.high',
      summary: 'Applies high data.',
      returns: RETURNS,
      args: z.object({
        data: anyValue().describe('High data, as `state.show_highstate` answers it.'),
        test: common.test,
        queue: common.queue,
      }),
      examples: [{ title: 'one state', args: { data: new PyMap() } }],
      run: ({ data, test }, ctx) => states.high(data, { test }, ctx),
    }),
    defineWrite({
      name: 'state.low',
      summary: 'Applies one low chunk.',
      returns: RETURNS,
      args: z.object({
        data: anyValue().describe('A low chunk: `{state, fun, name, …}`.'),
        test: common.test,
        queue: common.queue,
      }),
      examples: [{ title: 'one state', args: { data: new PyMap() } }],
      run: ({ data, test }, ctx) => states.low(data, { test }, ctx),
    }),
    defineWrite({
      name: 'state.sls_id',
      summary: 'Applies one id of SLS files, and what it requires.',
      returns: RETURNS,
      args: z.object({ id: z.string().describe('Id or name of the state.'), mods: modsArg, ...common }),
      examples: [{ title: 'one id', args: { id: 'nginx', mods: 'nginx' } }],
      run: (args, ctx) => states.apply(args.mods, args, ctx, undefined, args.id),
    }),
  ];
}

/** Gathers, compiles and runs states on the host of a runtime. */
class StateWork {
  readonly #runtime: HostRuntime;

  constructor(runtime: HostRuntime) {
    this.#runtime = runtime;
  }

  async apply(
    mods: readonly string[],
    args: CommonArgs,
    ctx: ModuleContext<Host>,
    topName?: string,
    onlyId?: string,
  ): Promise<CodedAnswer> {
    const workplace = await this.#workplace(args, ctx);
    const matches = await this.#matches(mods, args, workplace, topName);
    if (matches.value !== undefined && namesNothing(matches.value)) return nothingMatches(workplace.ctx.host.id);
    const high = await this.#gather(matches, workplace);
    const whole = planOf(high, (data) =>
      compile(withExclusions(data, exclusionsOf(args.exclude)), compileCatalog(this.#runtime.catalog.states)),
    );
    const plan = onlyId === undefined ? whole : planOf(whole, (all) => only(all, onlyId));
    return this.#run(plan, workplace.ctx, args);
  }

  async show(
    mods: readonly string[],
    args: CommonArgs,
    ctx: ModuleContext<Host>,
    show: (high: HighData) => Compiled<Value>,
  ): Promise<CodedAnswer> {
    const workplace = await this.#workplace(args, ctx);
    const high = await this.#gather(await this.#matches(mods, args, workplace), workplace);
    const shown = planOf(high, show);
    return shown.value === undefined ? errorAnswer(shown.diagnostics) : new CodedAnswer(shown.value, 0);
  }

  async showTop(args: CommonArgs, ctx: ModuleContext<Host>): Promise<CodedAnswer> {
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

  high(data: Value, options: { test: boolean | undefined }, ctx: ModuleContext<Host>): Promise<CodedAnswer> {
    const high = bareHighData(data instanceof PyMap ? data : new PyMap());
    return this.#run(compile(high, compileCatalog(this.#runtime.catalog.states)), ctx, options);
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

  async #workplace(args: CommonArgs, ctx: ModuleContext<Host>): Promise<Workplace> {
    return this.#runtime.workplace({
      signal: ctx.signal,
      log: ctx.log,
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
    args: CommonArgs,
    workplace: Workplace,
    topName?: string,
  ): Promise<Compiled<SlsMatches>> {
    if (mods.length === 0) return topMatches(this.#runtime, workplace, args.saltenv, topName);
    return compiled(new Map([[args.saltenv ?? workplace.ctx.saltenv, mods]]));
  }

  async #gather(matches: Compiled<SlsMatches>, workplace: Workplace): Promise<Compiled<HighData>> {
    if (matches.value === undefined) return { value: undefined, diagnostics: matches.diagnostics };
    const { files, renderData } = this.#runtime.options;
    const high = await gatherHigh(
      matches.value,
      slsSource(files, renderData, async () => workplace),
    );
    return { ...high, diagnostics: [...matches.diagnostics, ...high.diagnostics] };
  }

  async #run(
    plan: Compiled<Plan>,
    ctx: ModuleContext<Host>,
    args: { test?: boolean | undefined; failhard?: boolean | undefined },
  ): Promise<CodedAnswer> {
    if (plan.value === undefined) return errorAnswer(plan.diagnostics);
    const { opts } = this.#runtime.options;
    const testing = args.test ?? opts.get('test') === true;
    const { returns, succeeded } = await runPlan(plan.value, {
      states: this.#runtime.catalog.states,
      context: ctx,
      testing,
      failhard: args.failhard ?? opts.get('failhard') === true,
      ...(ctx.jid === undefined ? {} : { jid: ctx.jid }),
      reload: async (what) => {
        if (what === 'pillar') this.#runtime.refreshPillar();
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

function listed(low: Compiled<readonly PyMap[]>): Compiled<Value> {
  return { value: low.value === undefined ? undefined : [...low.value], diagnostics: low.diagnostics };
}

function slsNames({ data }: HighData): Value {
  const names = [...data.values()].map((state) => (state instanceof PyMap ? state.get('__sls__') : undefined));
  return [...new Set(names.filter((name) => typeof name === 'string'))];
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
