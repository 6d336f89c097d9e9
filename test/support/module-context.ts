import type { FileHandle, FileSource } from '@edge-run/shared/files';
import type { Host, HostReader } from '@edge-run/shared/host';
import { EdgeError, requireCompiled, silentLogger } from '@edge-run/shared/kernel';
import {
  type ApplyOutcome,
  type ExecutionModule,
  type ModuleContext,
  NO_MINE,
  type StateModule,
  takeApart,
  type Verdict,
} from '@edge-run/shared/modules/contract';
import { parseArguments } from '@edge-run/shared/schema';
import { fromPlain, PyMap, type Value } from '@edge-run/shared/values';

/** What a test may set; everything else is empty. */
export interface ContextOptions {
  readonly facts?: object;
  readonly pillar?: object;
  readonly opts?: object;
  /** `salt://` path → text. */
  readonly files?: Readonly<Record<string, string>>;
  readonly functions?: readonly ExecutionModule[];
  readonly render?: (text: string, variables: ReadonlyMap<string, Value>) => string;
  readonly signal?: AbortSignal;
  readonly extra?: Partial<ModuleContext<Host>>;
}

/** A context over a host, with events kept in `sent`. */
export function moduleContext(
  host: Host,
  options: ContextOptions = {},
): ModuleContext<Host> & { readonly sent: [string, Value][] } {
  const functions = new Map((options.functions ?? []).map((module) => [module.name as string, module]));
  const sent: [string, Value][] = [];
  const pillar = fromPlain(options.pillar ?? {}) as PyMap;
  const ctx: ModuleContext<Host> = {
    host,
    facts: fromPlain(options.facts ?? {}) as PyMap,
    files: memoryFiles(options.files ?? {}),
    saltenv: 'base',
    pillar: { data: pillar, get: (path, fallback = '') => atPath(pillar, path) ?? fallback },
    opts: fromPlain(options.opts ?? {}) as PyMap,
    signal: options.signal ?? new AbortController().signal,
    log: silentLogger,
    events: { send: (tag, data) => Promise.resolve(void sent.push([tag, data])) },
    mine: NO_MINE,
    required: [],
    hasFunction: (name) => functions.has(name),
    call: async (name, args = [], kwargs = {}) => {
      const module = functions.get(name);
      if (module === undefined) throw new EdgeError('EDGE_UNKNOWN_FUNCTION', `no function ${name}`);
      return fromPlain((await callFunction(module, ctx, args, kwargs)).answer);
    },
    renderTemplate: ({ text, variables }) => Promise.resolve(options.render?.(text, variables) ?? text),
    ...options.extra,
  };
  return { ...ctx, sent };
}

/** Calls a function with arguments as a caller gives them. */
export async function callFunction(
  module: ExecutionModule,
  ctx: ModuleContext<Host>,
  args: readonly unknown[] = [],
  kwargs: Readonly<Record<string, unknown>> = {},
): Promise<{ answer: unknown; retcode: number }> {
  const bound = requireCompiled(
    parseArguments(module, {
      args: args.map(fromPlain),
      kwargs: new Map(Object.entries(kwargs).map(([name, value]) => [name, fromPlain(value)])),
    }),
  );
  return takeApart(module, await module.run(bound, ctx));
}

/** How a state ended, as the runner would tell it. */
export interface StateEnd {
  readonly result: boolean | null;
  readonly changes: PyMap;
  readonly comment: string;
  /** Where the state found something out. */
  readonly data?: Value;
}

/** A state driven by hand: look, act unless `plan`, look again for repairs. */
export async function runState(
  module: StateModule,
  ctx: ModuleContext<Host>,
  kwargs: Readonly<Record<string, unknown>> | PyMap,
  mode: 'apply' | 'plan' | 'watch' = 'apply',
): Promise<StateEnd> {
  const entries =
    kwargs instanceof PyMap
      ? [...kwargs].map(([name, value]) => [String(name), value] as const)
      : Object.entries(kwargs);
  const bound = requireCompiled(
    parseArguments(module, { args: [], kwargs: new Map(entries.map(([name, value]) => [name, fromPlain(value)])) }),
  );
  const reader: HostReader = readOnly(ctx.host);
  const lookCtx: ModuleContext = { ...ctx, host: reader };
  const look = (): Promise<Verdict> =>
    mode === 'watch' ? module.onWatch!(bound, lookCtx) : module.check(bound, lookCtx);
  try {
    const verdict = await look();
    if (verdict.kind === 'in-sync') return { result: true, changes: new PyMap(), comment: verdict.comment ?? '' };
    if (verdict.kind === 'refused') return { result: false, changes: new PyMap(), comment: verdict.reason };
    const changes = new PyMap();
    let outcome: ApplyOutcome = {};
    for (const change of verdict.changes) {
      const shown =
        change.changes === undefined ? { [change.what]: { old: change.before, new: change.after } } : change.changes;
      const applied = mode === 'plan' ? undefined : await change.apply(ctx);
      outcome = { ...outcome, ...applied };
      const entry = fromPlain(applied?.changes ?? shown);
      if (entry instanceof PyMap) for (const [key, value] of entry) changes.set(key, value);
      if (applied?.result === false) break;
    }
    const comment = outcome.comment ?? verdict.comment ?? verdict.changes.map(({ what }) => what).join('\n');
    if (mode === 'plan') return { result: null, changes, comment };
    const found = outcome.data === undefined ? {} : { data: fromPlain(outcome.data) };
    if (outcome.result !== undefined) return { result: outcome.result, changes, comment, ...found };
    const again = module.effect === 'repair' && mode === 'apply' ? await look() : undefined;
    if (again?.kind === 'changes')
      return {
        result: false,
        changes,
        comment: `did not converge: ${again.changes.map(({ what }) => what).join(', ')}`,
      };
    return { result: true, changes, comment };
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    return { result: false, changes: new PyMap(), comment: error.message };
  }
}

/** Only what `HostReader` has: a check that writes fails loudly. */
function readOnly(host: Host): HostReader {
  const reader: HostReader = {
    id: host.id,
    probe: (command, options) => host.probe(command, options),
    readFile: (path) => host.readFile(path),
    stat: (path) => host.stat(path),
    list: (path) => host.list(path),
  };
  return host.connect === undefined ? reader : { ...reader, connect: (address) => host.connect!(address) };
}

function memoryFiles(files: Readonly<Record<string, string>>): FileSource {
  const handle = (path: string): FileHandle => {
    const content = new Uint8Array(Buffer.from(files[path]!));
    return {
      path,
      digest: `sha256:${path}`,
      sizeBytes: content.length,
      mode: 0o644,
      read: () => Promise.resolve(content),
    };
  };
  return {
    open: (uri) => {
      const path = uri.replace(/^(salt|edge):\/\//, '');
      return Promise.resolve(path in files ? handle(path) : undefined);
    },
    async *list(prefix) {
      for (const path of Object.keys(files).sort())
        if (path.startsWith(prefix)) yield await Promise.resolve(handle(path));
    },
    environments: () => Promise.resolve(['base']),
  };
}

function atPath(map: PyMap, path: string): Value | undefined {
  let at: Value | undefined = map;
  for (const part of path.split(':')) at = at instanceof PyMap ? at.get(part) : undefined;
  return at;
}
