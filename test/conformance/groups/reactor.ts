import { isDeepStrictEqual } from 'node:util';
import { masterConfigSchema } from '@edge-run/master/config';
import { type Diagnostic, formatDiagnostic, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import {
  callOf,
  compileReaction,
  matchReactors,
  type ReactionCall,
  type ReactionChunk,
} from '@edge-run/shared/orchestration';
import { createJinja, createRenderData, dumpYaml, loadYaml, type RenderedData } from '@edge-run/shared/render';
import { decodeValue, encodeValue, fromPlain, PyMap, type Value } from '@edge-run/shared/values';
import type { CaseFile, CaseResult, ConformanceGroup } from '../runner.ts';

interface ReactorCase {
  readonly files: Readonly<Record<string, string>>;
  readonly reactor: unknown;
  readonly event: { readonly tag: string; readonly data: JsonValue };
  readonly expected: {
    readonly reactors: readonly string[];
    readonly chunks: readonly JsonObject[];
    readonly calls: readonly SaltCall[];
    readonly compile_errors: readonly string[];
    readonly run_errors: readonly string[];
  };
  readonly salt_bug?: unknown;
}

interface SaltCall {
  readonly client: string;
  readonly fun: string;
  readonly tgt?: JsonValue;
  readonly kwargs?: JsonObject;
  readonly low?: JsonObject;
}

/** Modules whose functions Salt's runners and wheels have. */
const MASTER_MODULES = new Set(
  `auth cache cloud config doc error event fileserver git_pillar http jobs key manage match mine minions net network
  pillar pillar_roots file_roots queue reactor salt saltutil sdb ssh state survey test thin vault virt winrepo`.split(
    /\s+/,
  ),
);
const FUNCTIONS = { has: (name: string) => MASTER_MODULES.has(name.split('.')[0]!), names: () => MASTER_MODULES };

const renderData = createRenderData(createJinja({ loadYaml, dumpYaml }).renderText);

/** Which files react to an event, the chunks they compile to, and what the clients are handed. */
export const group: ConformanceGroup = {
  async *run(files: readonly CaseFile[]): AsyncIterable<CaseResult> {
    for (const { name, content } of files) {
      const entry = content as ReactorCase;
      const differences = await differencesOf(entry);
      if (entry.salt_bug !== undefined) yield { name, outcome: 'ignored' };
      else if (differences.length === 0) yield { name, outcome: 'passed' };
      else yield { name, outcome: 'failed', difference: differences.join('\n') };
    }
  },
};

async function differencesOf(entry: ReactorCase): Promise<readonly string[]> {
  const { expected, event } = entry;
  const config = masterConfigSchema.shape.reactor.parse(entry.reactor);
  const reactors = matchReactors(config, event.tag);
  const differences = differ('reactors', reactors, expected.reactors);
  const rendered: { sls: string; rendered: RenderedData }[] = [];
  const problems: Diagnostic[] = [];
  for (const sls of new Set(reactors)) {
    const text = entry.files[sls.replace(/^@TMP@\//, '')];
    if (text === undefined) continue;
    const result = await render(sls, text, event);
    problems.push(...result.diagnostics);
    if (result.value !== undefined) rendered.push({ sls, rendered: result.value });
  }
  const { chunks, diagnostics } = compileReaction(rendered);
  problems.push(...diagnostics);
  differences.push(...differ('chunks', chunks.map(lowOf), expected.chunks.map(normal)));
  differences.push(...differErrors('compile', problems, expected.compile_errors, []));
  const outcomes = chunks.map((chunk) => ({ chunk, ...callOf(chunk, FUNCTIONS) }));
  const made = outcomes.flatMap(({ chunk, value }) => (value === undefined ? [] : [{ chunk, call: value }]));
  differences.push(...differCalls(made, expected.calls));
  const refused = outcomes.flatMap((outcome) => outcome.diagnostics);
  const failed = outcomes.filter(({ value }) => value === undefined).map(({ chunk }) => chunk);
  differences.push(...differErrors('run', refused, expected.run_errors, failed));
  return differences;
}

function render(sls: string, text: string, event: ReactorCase['event']) {
  const empty = new PyMap();
  return renderData({
    ...{ text, path: sls, saltenv: 'base', grains: empty, pillar: empty },
    opts: fromPlain({ id: 'vmaster' }) as PyMap,
    variables: new Map<string, Value>([
      ['tag', event.tag],
      ['data', decodeValue(event.data)],
    ]),
    calls: { has: () => false, names: () => [], call: () => null },
    loader: { load: async () => undefined },
  });
}

function differCalls(
  made: readonly { readonly chunk: ReactionChunk; readonly call: ReactionCall }[],
  expected: readonly SaltCall[],
): readonly string[] {
  if (made.length !== expected.length) return [`calls: ${made.length} instead of ${expected.length}`];
  return made.flatMap(({ chunk, call }, index) => {
    const wanted = expected[index]!;
    const at = `call ${index}`;
    const differences = [...differ(`${at} client`, call.client, wanted.client), ...differ(at, call.fun, wanted.fun)];
    if (call.client === 'local') {
      const { arg, kwarg, ...rest } = wanted.kwargs ?? {};
      const options = Object.entries(rest).filter(([word]) => !INTERNAL.has(word));
      return [
        ...differences,
        ...differ(`${at} tgt`, call.target, [wanted.tgt].flat().map(String).join(',')),
        ...differ(`${at} tgt_type`, call.targetType, rest.tgt_type ?? (Array.isArray(wanted.tgt) ? 'list' : 'glob')),
        ...differ(
          `${at} arg`,
          call.args.map((value) => encodeValue(value)),
          arg,
        ),
        ...differ(`${at} kwarg`, keywords(call), normal(kwarg)),
        ...differ(`${at} options`, encodeValue(call.options), normal(Object.fromEntries(options))),
      ];
    }
    const low = wanted.low ?? wanted.kwargs ?? {};
    return [...differences, ...differArguments(at, chunk, call, low)];
  });
}

const INTERNAL = new Set(['state', 'name', '__sls__', '__id__', 'order']);

/**
 * Salt binds arguments that stand beside the function to its Python signature before it hands them over, so that those
 * without a default become positional and those not given appear with their default. Ours go by name and are bound when
 * the function is called; each must be there, under its name or among the positional ones, and no more.
 */
function differArguments(
  at: string,
  { low: given }: ReactionChunk,
  call: ReactionCall,
  low: JsonObject,
): readonly string[] {
  const arg = (low.arg ?? []) as readonly JsonValue[];
  const kwarg = (normal(low.kwarg) ?? {}) as JsonObject;
  const named = keywords(call) as JsonObject;
  if (given.has('args') || (given.has('arg') && given.has('kwarg'))) {
    const positional = call.args.map((value) => encodeValue(value));
    return [...differ(`${at} arg`, positional, arg), ...differ(`${at} kwarg`, named, kwarg)];
  }
  const byName = Object.entries(named).filter(([word]) => word in kwarg);
  const others = Object.entries(named).filter(([word]) => !(word in kwarg));
  const positional = [...call.args.map((value) => encodeValue(value)), ...others.map(([, value]) => value!)];
  return [
    ...byName.flatMap(([word, value]) => differ(`${at} ${word}`, value, kwarg[word])),
    ...differ(`${at} arg`, sorted(positional), sorted(arg)),
  ];
}

function sorted(values: readonly JsonValue[]): readonly string[] {
  return values.map((value) => JSON.stringify(value)).sort();
}

function keywords({ kwargs }: ReactionCall): JsonValue {
  return encodeValue(new PyMap(kwargs));
}

function lowOf({ low }: ReactionChunk): JsonValue {
  return encodeValue(low);
}

/** A case's value in the one form that encoding gives. */
function normal(value: JsonValue | undefined): JsonValue {
  return encodeValue(decodeValue(value ?? null));
}

function differErrors(
  what: string,
  diagnostics: readonly Diagnostic[],
  expected: readonly string[],
  chunks: readonly ReactionChunk[],
): readonly string[] {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 !== expected.length > 0) {
    return [
      `${what} errors: ${errors.map(formatDiagnostic).join('\n') || 'none'}; expected ${expected.join('; ') || 'none'}`,
    ];
  }
  const unnamed = chunks.filter(
    ({ id, fun }) => !errors.some(({ summary }) => summary.includes(id) && summary.includes(fun)),
  );
  return unnamed.map(({ id, fun }) => `${what} errors name neither ${id} nor ${fun}`);
}

function differ(what: string, actual: unknown, expected: unknown): string[] {
  if (isDeepStrictEqual(actual, expected)) return [];
  return [`${what}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`];
}
