import type { Host, HostReader } from '../../host/index.ts';
import { type Clock, DiagnosticsError } from '../../kernel/index.ts';
import type { ModuleContext, StateModule } from '../../modules/contract/index.ts';
import { parseArguments } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { textKeys } from '../compile/index.ts';
import type { Chunk, StepKey, StepMode } from '../contract.ts';
import { hasChanges } from '../engine/index.ts';
import { quietAnswer, type StepAnswer } from './answer.ts';
import { contextWith, readerOf } from './context.ts';
import { askGuards, commandsSucceed } from './guards.ts';
import { failureText, perform } from './perform.ts';
import { fillSlots } from './slots.ts';

/** What running steps needs beside the steps. */
export interface StepTools {
  /** State modules by full name. */
  readonly states: ReadonlyMap<string, StateModule>;
  readonly context: ModuleContext<Host>;
  /** What states look with; the host of the context, made unable to write, where absent. */
  readonly reader?: HostReader;
  readonly testing: boolean;
  readonly clock: Clock;
  /** In [0, 1), for the splay of retries. */
  readonly random: () => number;
  /** A state of the plan, for those that look at what they require. */
  readonly chunkOf: (key: StepKey) => Chunk | undefined;
  /** Arguments of states of the same module and function that wait, for `aggregate`. */
  readonly waiting?: (chunk: Chunk) => readonly PyMap[];
}

/** How a step went. */
export interface StepOutcome {
  readonly answer: StepAnswer;
  /** How often the module was called, retries and a reaction counted. */
  readonly calls: number;
}

/** Runs one step in its mode. Whatever goes wrong is a failed state, never an exception, except cancellation. */
export async function runStep(chunk: Chunk, mode: StepMode, tools: StepTools): Promise<StepOutcome> {
  const testing = tools.testing || mode === 'foresee' || chunk.options.testing === true;
  const first = await attempt(chunk, mode, tools, testing);
  const { retry } = chunk.options;
  if (retry === undefined || testing) return first;
  let outcome = first;
  const tried: string[] = [];
  for (let tries = 1; tries < retry.attempts && outcome.answer.result !== retry.until; tries += 1) {
    const { result, comment } = outcome.answer;
    tried.push(
      `Attempt ${tries}: Returned a result of "${resultText(result)}", with the following comment: "${comment}"`,
    );
    const seconds = retry.intervalSeconds + Math.floor(tools.random() * (retry.splaySeconds + 1));
    await tools.clock.sleep(seconds * 1000, tools.context.signal);
    const next = await attempt(chunk, mode, tools, testing);
    outcome = { answer: next.answer, calls: outcome.calls + next.calls };
  }
  const comment = [...tried, outcome.answer.comment].join('\n');
  return { ...outcome, answer: { ...outcome.answer, comment } };
}

async function attempt(chunk: Chunk, mode: StepMode, tools: StepTools, testing: boolean): Promise<StepOutcome> {
  try {
    return await call(chunk, mode, tools, testing);
  } catch (error) {
    if (tools.context.signal.aborted) throw error;
    return { answer: quietAnswer(false, failureText(error)), calls: 1 };
  }
}

async function call(chunk: Chunk, mode: StepMode, tools: StepTools, testing: boolean): Promise<StepOutcome> {
  const place = { saltenv: chunk.env, required: requiredBy(chunk, tools.chunkOf) };
  const ctx = contextWith<HostReader>(tools.context, { ...place, host: tools.reader ?? readerOf(tools.context.host) });
  const { kept, said } = await askGuards(chunk, ctx);
  if (kept !== undefined) return { answer: kept, calls: 1 };
  const name = `${chunk.state}.${chunk.fun}`;
  const module = tools.states.get(name);
  if (module === undefined) return { answer: quietAnswer(false, `State '${name}' was not found`), calls: 1 };
  const unusable = await whyUnusable(module, ctx);
  if (unusable !== undefined) return { answer: quietAnswer(testing ? null : false, unusable), calls: 1 };

  const bound = await boundArguments(chunk, module, tools, ctx);
  const write = testing ? {} : { write: contextWith<Host>(tools.context, { ...place, host: tools.context.host }) };
  const shownName = module.shownName?.(bound.args);
  const complete = (answer: StepAnswer): StepAnswer => ({
    ...answer,
    ...(said.length === 0 ? {} : { guards: said }),
    ...(bound.warnings.length === 0 ? {} : { warnings: bound.warnings }),
    ...(shownName === undefined ? {} : { name: shownName }),
  });
  const react = async (): Promise<StepAnswer> => {
    const look = (): ReturnType<StateModule['check']> => module.onWatch!(bound.args, ctx);
    return { ...(await perform({ module, look, isRepair: false, clock: tools.clock, ...write })), reacted: true };
  };

  if (mode === 'react') {
    if (module.onWatch === undefined) {
      return {
        answer: quietAnswer(false, `${name} does not react to changes; use onchanges instead of listen`),
        calls: 1,
      };
    }
    return { answer: complete(await react()), calls: 1 };
  }
  const look = (): ReturnType<StateModule['check']> => module.check(bound.args, ctx);
  const isRepair = module.effect === 'repair';
  const own = await checked(
    chunk,
    ctx,
    testing,
    await perform({ module, look, isRepair, clock: tools.clock, ...write }),
  );
  if (mode !== 'watch' || module.onWatch === undefined || hasChanges(own.changes))
    return { answer: complete(own), calls: 1 };
  return { answer: complete(await react()), calls: 2 };
}

/** The states a state has as `require`, also because they said `require_in`. */
function requiredBy({ requisites }: Chunk, chunkOf: StepTools['chunkOf']): readonly Chunk[] {
  return requisites
    .filter(({ kind, quantifier }) => kind === 'require' && quantifier === 'all')
    .flatMap(({ targets }) => targets.flatMap((key) => chunkOf(key) ?? []));
}

/** The verdict of `check_cmd`, which wins over the state's own (Salt 3006 state.py, _run_check_cmd). */
async function checked(chunk: Chunk, ctx: ModuleContext, testing: boolean, answer: StepAnswer): Promise<StepAnswer> {
  const { checkCmd } = chunk.options;
  if (checkCmd === undefined || testing) return answer;
  const result = await commandsSucceed(checkCmd, chunk, ctx);
  const verdict = `check_cmd determined the state ${result ? 'succeeded' : 'failed'}`;
  return { ...answer, result, comment: answer.comment === '' ? verdict : `${answer.comment}\n${verdict}` };
}

/** Of words such as `mariadb|mysql` one program is enough. */
const MISSING_PROGRAMS =
  'IFS="|"; for n in "$@"; do f=; for p in $n; do command -v "$p" >/dev/null 2>&1 && f=1; done; [ "$f" ] || echo "$n"; done';

async function whyUnusable(module: StateModule, ctx: ModuleContext): Promise<string | undefined> {
  const supported = module.supports?.(ctx.facts) ?? true;
  if (supported !== true) return `${module.name} cannot be used here: ${supported}`;
  const { needs = [] } = module;
  if (needs.length === 0) return undefined;
  const { stdout } = await ctx.host.probe(['sh', '-c', MISSING_PROGRAMS, 'sh', ...needs]);
  const [missing] = stdout.split('\n');
  if (missing === undefined || missing === '') return undefined;
  return `${module.name} needs the program ${missing.replaceAll('|', ' or ')}, which is not on ${ctx.host.id}`;
}

interface BoundArguments {
  readonly args: Parameters<StateModule['check']>[0];
  readonly warnings: readonly string[];
}

/** @throws DiagnosticsError for arguments the module does not take, once slots are filled in. */
async function boundArguments(
  chunk: Chunk,
  module: StateModule,
  tools: StepTools,
  ctx: ModuleContext,
): Promise<BoundArguments> {
  const waiting = chunk.options.aggregate === true ? (tools.waiting?.(chunk) ?? []) : [];
  const merged =
    module.aggregate !== undefined && waiting.length > 0
      ? module.aggregate(new PyMap(chunk.args), waiting)
      : chunk.args;
  const args = await fillSlots(merged, ctx);
  const parsed = parseArguments(module, { args: [], kwargs: textKeys(args instanceof PyMap ? args : chunk.args) });
  if (parsed.value === undefined) throw new DiagnosticsError(parsed.diagnostics);
  return { args: parsed.value, warnings: parsed.diagnostics.map(({ summary }) => summary) };
}

function resultText(result: boolean | null): string {
  if (result === null) return 'None';
  return result ? 'True' : 'False';
}
