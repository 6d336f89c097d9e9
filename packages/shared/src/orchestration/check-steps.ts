import type { Diagnostic, SourceRange } from '../kernel/index.ts';
import type { Catalog } from '../modules/contract/index.ts';
import { readGates } from '../protocol/index.ts';
import { didYouMean, type KnownNames, parseArguments } from '../schema/index.ts';
import { type Chunk, isOpen } from '../state/index.ts';
import { readAmount } from '../target/index.ts';
import { PyMap, type Value } from '../values/index.ts';
import { destinationProblem } from './destinations.ts';
import { keywords, positional, targetOf } from './step-arguments.ts';

/** What the steps of an orchestration are held against before the first of them runs. */
export interface StepChecks {
  readonly functions: Catalog['functions'];
  readonly runners: KnownNames;
  /** Returners of the master, name → type; absent where its configuration is not known. */
  readonly returners?: ReadonlyMap<string, string>;
  /** Ids of the known hosts that a target selects. */
  select(target: string, targetType: string): Promise<readonly string[]>;
  /** The author's place of a part of a step's arguments, where it is known. */
  readonly placeOf?: (container: Value, key: Value) => SourceRange | undefined;
}

const AMOUNTS = 'Write a number of hosts or a share of them: 2, 25%. A list of them is batches one after the other.';
const GATES =
  'Write: gate: {fun: http.wait_for_successful_query, kwarg: {url: "http://localhost/health"}, on: targets}';

/** Targets that name hosts; what others select may depend on what earlier steps do. */
const LITERAL_TYPES: ReadonlySet<string> = new Set(['glob', 'list']);

/**
 * Everything that is known to go wrong before the run has begun: functions and runners nobody has, arguments they do
 * not take, and targets that name no known host, unless an earlier step may have brought it up. `chunks` are in the
 * order in which they run.
 */
export async function checkSteps(chunks: readonly Chunk[], checks: StepChecks): Promise<readonly Diagnostic[]> {
  const found: Diagnostic[] = [];
  let mayHaveNewHosts = false;
  for (const chunk of chunks) {
    const kind = `${chunk.state}.${chunk.fun}`;
    if (kind === 'salt.runner') found.push(...runnerProblems(chunk, checks));
    if (kind === 'salt.function') found.push(...functionProblems(chunk, checks));
    const hasTargets = kind === 'salt.function' || kind === 'salt.state';
    if (hasTargets) found.push(...batchProblems(chunk, checks), ...returnerProblems(chunk, checks));
    if (hasTargets && !mayHaveNewHosts) found.push(...(await targetProblems(chunk, checks)));
    mayHaveNewHosts ||= kind === 'salt.wait_for_event' || (kind === 'salt.runner' && bringsHostsUp(String(chunk.name)));
  }
  return found;
}

/** A nested orchestration may provision as well as `cloud.provision` itself. */
function bringsHostsUp(runner: string): boolean {
  return runner.startsWith('cloud.') || runner.startsWith('state.orch');
}

function runnerProblems(chunk: Chunk, { runners }: StepChecks): readonly Diagnostic[] {
  const name = String(chunk.name);
  if (runners.has(name)) return [];
  return [problem(chunk, 'EDGE_UNKNOWN_FUNCTION', `no runner \`${name}\``, didYouMean(name, runners.names()))];
}

function functionProblems(chunk: Chunk, checks: StepChecks): readonly Diagnostic[] {
  const call = { args: positional(chunk.args.get('arg')), kwargs: keywords(chunk.args.get('kwarg')) };
  return callProblems(chunk, String(chunk.name), call, checks);
}

function returnerProblems(chunk: Chunk, { returners }: StepChecks): readonly Diagnostic[] {
  const [ret, config, kwargs] = ['ret', 'ret_config', 'ret_kwargs'].map((word) => chunk.args.get(word));
  if (returners === undefined || (typeof ret !== 'string' && !Array.isArray(ret)) || isOpen(ret)) return [];
  const given = {
    ret: typeof ret === 'string' ? ret : ret.map(String),
    ...(typeof config === 'string' ? { ret_config: config } : {}),
    ...(kwargs instanceof PyMap ? { ret_kwargs: Object.fromEntries(kwargs) } : {}),
  };
  const text = destinationProblem(given, returners);
  return text === undefined ? [] : [problem(chunk, 'EDGE_BAD_ARGUMENT', `\`ret\` of ${chunk.id}: ${text}`, '')];
}

/** What is wrong with the sizes of batches, with limits and with gates. */
function batchProblems(chunk: Chunk, checks: StepChecks): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const word of ['batch', 'max_failures', 'max_unreachable']) {
    const value = chunk.args.get(word);
    const parts = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [value];
    const wrong = parts.find((part) => part !== undefined && !isOpen(part) && !isAmount(word, String(part)));
    if (wrong !== undefined)
      found.push(
        problem(
          chunk,
          'EDGE_BAD_ARGUMENT',
          `\`${word}\` of ${chunk.id}: \`${String(wrong)}\` is no number and no share`,
          AMOUNTS,
        ),
      );
  }
  const { gates, problems } = readGates(chunk.args.get('gate'));
  found.push(...problems.map((text) => problem(chunk, 'EDGE_BAD_ARGUMENT', `\`gate\` of ${chunk.id}: ${text}`, GATES)));
  for (const { fun, args, kwargs } of gates) found.push(...callProblems(chunk, fun, { args, kwargs }, checks));
  return found;
}

function isAmount(word: string, text: string): boolean {
  const amount = readAmount(text);
  return amount !== undefined && (word !== 'batch' || amount.amount > 0);
}

/** What is wrong with a call of a host's function: a name nobody has, or arguments it does not take, as far as they are known. */
export function callProblems(
  chunk: Chunk,
  name: string,
  call: { readonly args: readonly Value[]; readonly kwargs: ReadonlyMap<string, Value> },
  { functions, placeOf }: Pick<StepChecks, 'functions' | 'placeOf'>,
): readonly Diagnostic[] {
  const module = functions.get(name);
  if (module === undefined)
    return [problem(chunk, 'EDGE_UNKNOWN_FUNCTION', `no function \`${name}\``, didYouMean(name, functions.keys()))];
  if ([...call.args, ...call.kwargs.values()].some(isOpen)) return [];
  const kwarg = chunk.args.get('kwarg');
  const placed = { ...call, placeOf: (name: string) => (kwarg === undefined ? undefined : placeOf?.(kwarg, name)) };
  return parseArguments(module, placed).diagnostics.map((diagnostic) => ({
    ...(chunk.place === undefined ? {} : { source: chunk.place }),
    ...diagnostic,
  }));
}

async function targetProblems(chunk: Chunk, { select }: StepChecks): Promise<readonly Diagnostic[]> {
  const { target, targetType } = targetOf({
    tgt: chunk.args.get('tgt') as string | string[],
    tgt_type: textOf(chunk.args.get('tgt_type')),
    expr_form: textOf(chunk.args.get('expr_form')),
  });
  if (!LITERAL_TYPES.has(targetType) || isOpen(target) || (await select(target, targetType)).length > 0) return [];
  const detail = 'No known host has that id, and no earlier step brings hosts up. Who is there: edge-run nodes ls';
  return [problem(chunk, 'EDGE_TARGET_MATCHES_NOTHING', `target \`${target}\` of ${chunk.id} selects no host`, detail)];
}

function problem(chunk: Chunk, code: Diagnostic['code'], summary: string, detail: string): Diagnostic {
  return { severity: 'error', code, summary, detail, ...(chunk.place === undefined ? {} : { source: chunk.place }) };
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
