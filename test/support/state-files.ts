import type { Host } from '@edge-run/shared/host';
import { type Compiled, DiagnosticsError, EdgeError, silentLogger } from '@edge-run/shared/kernel';
import type { ModuleContext, StateModule } from '@edge-run/shared/modules/contract';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { loadSls } from '@edge-run/shared/render';
import {
  compile,
  compileCatalog,
  gatherHigh,
  type HighData,
  type Plan,
  type PlanOutcome,
  type RunPlanOptions,
  runPlan,
  type SlsSource,
} from '@edge-run/shared/state';
import { PyMap, type Value } from '@edge-run/shared/values';

/** SLS files in memory, YAML only: path (`web/init.sls`) → text. Environments other than base are prefixed: `dev:web.sls`. */
export type SlsFiles = Readonly<Record<string, string>>;

/** The files as the compiler asks for them. */
export function slsSource(files: SlsFiles): SlsSource {
  const entries = Object.entries(files).map(([key, text]) => {
    const [env, path] = key.includes(':') ? (key.split(':') as [string, string]) : (['base', key] as const);
    const isInit = path.endsWith('/init.sls');
    const sls = path.replace(isInit ? /\/init\.sls$/ : /\.sls$/, '').replaceAll('/', '.');
    return { env, path, text, sls, isInit };
  });
  return {
    environments: async () => [...new Set(['base', ...entries.map(({ env }) => env)])],
    listSls: async (saltenv) =>
      new Map(entries.filter(({ env }) => env === saltenv).map((entry) => [entry.sls, entry.isInit])),
    renderSls: async (sls, saltenv) => {
      const found = entries.find((entry) => entry.env === saltenv && entry.sls === sls.replaceAll('/', '.'));
      return found === undefined ? undefined : loadSls(found.text, { path: found.path });
    },
  };
}

/** The tree of `a`, or of the names given, in base. */
export function gatherFiles(files: SlsFiles, names: readonly string[] = ['a']): Promise<Compiled<HighData>> {
  return gatherHigh(new Map([['base', names]]), slsSource(files));
}

/** The plan of `a` with the given modules; problems of either stage as diagnostics. */
export async function compileFiles(files: SlsFiles, states: ReadonlyMap<string, StateModule>): Promise<Compiled<Plan>> {
  const high = await gatherFiles(files);
  return high.value === undefined
    ? { value: undefined, diagnostics: high.diagnostics }
    : compile(high.value, compileCatalog(states));
}

/** State modules by name. */
export function byName(...modules: readonly StateModule[]): ReadonlyMap<string, StateModule> {
  return new Map(modules.map((module) => [module.name, module]));
}

/** A host on which nothing works: whoever touches it fails the test. */
function untouchableHost(): Host {
  const fail = (what: string) => async (): Promise<never> => {
    throw new EdgeError('EDGE_NOT_ALLOWED', `the test host was asked to ${what}`);
  };
  return {
    id: 'minion1',
    probe: fail('probe'),
    readFile: fail('readFile'),
    stat: async () => undefined,
    list: fail('list'),
    exec: fail('exec'),
    writeFile: fail('writeFile'),
    remove: fail('remove'),
  };
}

/** A context whose calls are answered by `functions`. */
export function bareContext(
  functions: Readonly<
    Record<string, (args: readonly Value[], kwargs: Readonly<Record<string, unknown>>) => Value>
  > = {},
  parts: Partial<ModuleContext<Host>> = {},
): ModuleContext<Host> {
  return {
    host: untouchableHost(),
    facts: new PyMap(),
    files: {
      open: async () => undefined,
      list: async function* () {},
      environments: async () => ['base'],
    },
    saltenv: 'base',
    pillar: { data: new PyMap(), get: (_path, fallback = null) => fallback },
    opts: new PyMap(),
    signal: new AbortController().signal,
    log: silentLogger,
    events: { send: async () => {} },
    mine: NO_MINE,
    call: async (name, args = [], kwargs = {}) => {
      const fun = functions[name];
      if (fun === undefined) throw new EdgeError('EDGE_UNKNOWN_FUNCTION', `no function ${name}`);
      return fun(args, kwargs);
    },
    hasFunction: (name) => name in functions,
    renderTemplate: async ({ text }) => text,
    ...parts,
  };
}

/** Compiles and runs files with the given modules. @throws DiagnosticsError when they do not compile. */
export async function runFiles(
  files: SlsFiles,
  states: ReadonlyMap<string, StateModule>,
  options: Partial<RunPlanOptions> = {},
): Promise<PlanOutcome> {
  const plan = await compileFiles(files, states);
  if (plan.value === undefined) throw new DiagnosticsError(plan.diagnostics);
  return runPlan(plan.value, { states, context: bareContext(), testing: false, ...options });
}
