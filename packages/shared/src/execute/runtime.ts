import type { FileSource } from '../files/index.ts';
import { createTemplateLoader } from '../files/index.ts';
import type { Host } from '../host/index.ts';
import { type Compiled, EdgeError, type Logger, requireCompiled } from '../kernel/index.ts';
import {
  type Catalog,
  type EventSink,
  type ExecutionModule,
  type HostKeys,
  type Jobs,
  type LocalJobs,
  type Mine,
  type ModuleContext,
  type PillarView,
  type Runners,
  type TemplateRequest,
  takeApart,
} from '../modules/contract/index.ts';
import { pillarGet } from '../pillar/index.ts';
import type { CommandRequest } from '../policy/index.ts';
import type { RenderData, RenderRequest, RenderText, TemplateCalls } from '../render/index.ts';
import { type CallArguments, didYouMean, parseArguments } from '../schema/index.ts';
import { fromPlain, PyMap, type Redactor, revealValue, type Value } from '../values/index.ts';
import type { HearCall } from './heard-calls.ts';

/** What pillar to compile. */
export interface PillarRequest {
  readonly saltenv: string;
  readonly pillarenv: string | undefined;
  /** Laid over the compiled pillar and wins: the `pillar=` of a command line. */
  readonly override?: PyMap;
  /** Hears what its templates call; nothing is answered from what was kept then. */
  readonly onCall?: HearCall;
}

/** Everything one host's jobs are run with. */
export interface RuntimeOptions {
  readonly host: Host;
  /** All modules but those the runtime adds itself. */
  readonly catalog: Catalog;
  readonly files: FileSource;
  /** The files of a bundle, by its digest; absent where there are none but those of today. */
  readonly filesOf?: (bundle: string) => FileSource;
  readonly renderData: RenderData;
  readonly renderText: RenderText;
  /** The host's facts, cached by whoever gives them. */
  facts(): Promise<PyMap>;
  /** Gathers them anew; absent where they are fixed. */
  readonly refreshFacts?: () => Promise<PyMap>;
  /** What the master says about targets and top files (`nodegroups`, …), laid over `opts`; on minions only. */
  readonly masterOpts?: () => Promise<PyMap>;
  /** Compiles the host's pillar anew. */
  pillar(request: PillarRequest): Promise<Compiled<PyMap>>;
  /** Configuration as templates see it (`opts`). */
  readonly opts: PyMap;
  /** Environment of jobs that name none. Default `base`. */
  readonly saltenv?: string;
  readonly pillarenv?: string;
  readonly events: EventSink;
  readonly mine: Mine;
  /** On the master only. */
  readonly jobs?: Jobs;
  /** On the master only. */
  readonly runners?: Runners;
  /** On minions only. */
  readonly keys?: HostKeys;
  /** On minions only. */
  readonly localJobs?: LocalJobs;
  readonly log: Logger;
  /** Judges commands that people wrote, before any is run. @throws EdgeError `EDGE_COMMAND_REFUSED` */
  readonly requireAllowed?: (command: CommandRequest) => void;
  /**
   * Given where the host is the rightful reader of its pillar: templates see its secrets, and this takes them out of
   * everything that leaves. Without it templates see `[secret]`.
   */
  readonly redactor?: Redactor;
}

/** What a piece of work on the host is about. */
export interface WorkRequest {
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The host as this work shall see it; that of the runtime when absent. */
  readonly host?: Host;
  /** The job it is done for. */
  readonly jid?: string;
  readonly saltenv?: string;
  readonly pillarenv?: string;
  /** Nothing is to be changed: what templates see as `opts.test`. */
  readonly test?: boolean;
  /** The files it sees; those of today when absent. */
  readonly files?: FileSource;
  /** Compile the pillar anew, with this laid over it; the pillar as it was last compiled when absent. */
  readonly pillar?: Pick<PillarRequest, 'override' | 'onCall'>;
  /** In place of that of the runtime: who does this work is the rightful reader of what it knows. */
  readonly redactor?: Redactor;
}

/** A context and what renders templates within it. */
export interface Workplace {
  readonly ctx: ModuleContext<Host>;
  /** The part of a render request that is the same for every template of this work. */
  renderRequest(text: string, path: string, variables?: ReadonlyMap<string, Value>): RenderRequest;
}

/** Makes contexts for work on one host. */
export class HostRuntime {
  readonly options: RuntimeOptions;
  /** The catalog with what was added to it. */
  readonly catalog: Catalog;
  /** Environments → the pillar as it was last compiled. */
  readonly #pillars = new Map<string, Promise<Compiled<PyMap>>>();

  constructor(options: RuntimeOptions, ownFunctions: (runtime: HostRuntime) => readonly ExecutionModule[] = () => []) {
    this.options = options;
    const functions = new Map(options.catalog.functions);
    for (const module of ownFunctions(this)) functions.set(module.name, module);
    this.catalog = { functions, states: options.catalog.states };
  }

  /** Forgets the pillar, so that the next job sees a new one. */
  refreshPillar(): void {
    this.#pillars.clear();
  }

  /** A context for one job. @throws DiagnosticsError when a pillar was asked for and does not compile */
  async workplace(work: WorkRequest): Promise<Workplace> {
    const { options } = this;
    const saltenv = work.saltenv ?? options.saltenv ?? 'base';
    const pillarenv = work.pillarenv ?? options.pillarenv;
    const files = work.files ?? options.files;
    let facts = await options.facts();
    const { refreshFacts } = options;
    const redactor = work.redactor ?? options.redactor;
    const opts = new PyMap([...options.opts, ['test', work.test ?? options.opts.get('test') ?? false]]);
    const pillar = await this.#pillarView(saltenv, pillarenv, work);
    const ctx: ModuleContext<Host> = {
      host: work.host ?? options.host,
      get facts() {
        return facts;
      },
      files,
      saltenv,
      pillar,
      opts,
      signal: work.signal,
      log: redactor?.logger(work.log) ?? work.log,
      events: redactor === undefined ? options.events : redacted(options.events, redactor),
      ...(redactor === undefined ? {} : { holdsSecret: (text: string) => redactor.holdsSecret(text) }),
      mine: options.mine,
      ...(options.requireAllowed === undefined ? {} : { requireAllowed: options.requireAllowed }),
      ...(refreshFacts === undefined
        ? {}
        : {
            refreshFacts: async () => {
              facts = await refreshFacts();
            },
          }),
      ...(work.jid === undefined ? {} : { jid: work.jid }),
      ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
      ...(options.runners === undefined ? {} : { runners: options.runners }),
      ...(options.keys === undefined ? {} : { keys: options.keys }),
      ...(options.localJobs === undefined ? {} : { localJobs: options.localJobs }),
      refreshPillar: async () => {
        this.refreshPillar();
        await this.#keptPillar(saltenv, pillarenv);
      },
      state: { run: (fun, args, kwargs) => this.invoke(`state.${fun}`, { args, kwargs }, ctx) },
      call: async (name, args = [], kwargs = {}) =>
        shownTo(
          redactor,
          await this.invoke(
            name,
            { args, kwargs: new Map(Object.entries(kwargs).map(([key, value]) => [key, fromPlain(value)])) },
            ctx,
          ),
        ),
      hasFunction: (name) => this.catalog.functions.has(name),
      renderTemplate: (request) => this.#renderTemplate(request, renderRequest),
    };
    const calls = this.templateCalls(ctx, redactor);
    const renderRequest: Workplace['renderRequest'] = (text, path, variables) => ({
      text,
      path,
      saltenv,
      pillarenv: pillarenv ?? null,
      grains: facts,
      pillar: shownTo(redactor, pillar.data) as PyMap,
      opts,
      calls,
      loader: createTemplateLoader(files, saltenv),
      signal: work.signal,
      ...(variables === undefined ? {} : { variables }),
    });
    return { ctx, renderRequest };
  }

  /** A pillar that was compiled before, as modules see it. */
  viewPillar(data: PyMap): PillarView {
    return viewOf(data);
  }

  /** Runs a function within a context. @throws EdgeError for unknown names, wrong arguments and what the function throws */
  async invoke(name: string, call: CallArguments, ctx: ModuleContext<Host>): Promise<Value> {
    return (await this.invokeWithCode(name, call, ctx)).ret;
  }

  /** As `invoke`, with the return code: 0 is success. */
  async invokeWithCode(
    name: string,
    call: CallArguments,
    ctx: ModuleContext<Host>,
  ): Promise<{ ret: Value; retcode: number }> {
    const { module, args } = this.#bind(name, call);
    const { answer, retcode } = takeApart(module, await module.run(args as never, ctx));
    return { ret: fromPlain(answer), retcode };
  }

  /** Refuses a call that cannot be made, without making it. @throws EdgeError `EDGE_UNKNOWN_FUNCTION`, DiagnosticsError */
  checkCall(name: string, call: CallArguments): void {
    this.#bind(name, call);
  }

  #bind(name: string, call: CallArguments): { readonly module: ExecutionModule; readonly args: object } {
    const module = this.catalog.functions.get(name);
    if (module === undefined) throw unknownFunction(name, this.catalog);
    return { module, args: requireCompiled(parseArguments(module, call)) };
  }

  /** `salt['x.y']` of this host's templates. */
  templateCalls(ctx: ModuleContext<Host>, redactor = this.options.redactor): TemplateCalls {
    return {
      has: (name) => this.catalog.functions.has(name),
      names: () => this.catalog.functions.keys(),
      call: async (name, args, kwargs) => shownTo(redactor, await this.invoke(name, { args, kwargs }, ctx)),
    };
  }

  async #pillarView(saltenv: string, pillarenv: string | undefined, work: WorkRequest): Promise<PillarView> {
    const { pillar, redactor = this.options.redactor } = work;
    const ownView = (data: PyMap): PillarView => {
      redactor?.learn(data);
      return viewOf(data);
    };
    if (pillar !== undefined)
      return ownView(requireCompiled(await this.options.pillar({ saltenv, pillarenv, ...pillar })));
    try {
      return ownView(requireCompiled(await this.#keptPillar(saltenv, pillarenv)));
    } catch (error) {
      return brokenView(error); // this job fails only if it looks into the pillar
    }
  }

  /** The pillar as it was last compiled. One that is broken is tried again with the next job. */
  async #keptPillar(saltenv: string, pillarenv: string | undefined): Promise<Compiled<PyMap>> {
    const key = JSON.stringify([saltenv, pillarenv]);
    const kept = this.#pillars.get(key) ?? this.options.pillar({ saltenv, pillarenv });
    this.#pillars.set(key, kept);
    try {
      requireCompiled(await kept);
    } catch (error) {
      if (this.#pillars.get(key) === kept) this.#pillars.delete(key);
      throw error;
    }
    return kept;
  }

  async #renderTemplate(request: TemplateRequest, base: Workplace['renderRequest']): Promise<string> {
    if (request.engine !== 'jinja') {
      throw new EdgeError(
        'EDGE_UNKNOWN_RENDERER',
        `no template engine \`${request.engine}\``,
        {},
        { hint: 'Use `template: jinja`.' },
      );
    }
    const rendered = await this.options.renderText(base(request.text, request.path, request.variables));
    return requireCompiled(rendered).text;
  }
}

/** The error of a function nobody has, with the one that was probably meant. */
export function unknownFunction(name: string, catalog: Catalog): EdgeError {
  const hint = didYouMean(name, catalog.functions.keys());
  return new EdgeError(
    'EDGE_UNKNOWN_FUNCTION',
    `no function \`${name}\``,
    { function: name },
    hint === '' ? {} : { hint },
  );
}

function redacted(events: EventSink, redactor: Redactor): EventSink {
  return { ...events, send: (tag, data) => events.send(redactor.text(tag), redactor.value(data)) };
}

/** A value as templates see it: with its secrets where what is made of it passes through a redactor. */
function shownTo(redactor: Redactor | undefined, value: Value): Value {
  return redactor === undefined ? value : revealValue(value);
}

function viewOf(data: PyMap): PillarView {
  return { data, get: (path, fallback = '') => pillarGet(data, path, fallback) };
}

/** A pillar that could not be compiled: looking into it is what fails. */
function brokenView(error: unknown): PillarView {
  return {
    get data(): PyMap {
      throw error;
    },
    get: () => {
      throw error;
    },
  };
}
