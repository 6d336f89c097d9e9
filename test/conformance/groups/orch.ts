import {
  DiagnosticsError,
  errorMessage,
  formatDiagnostic,
  type JsonObject,
  type JsonValue,
} from '@edge-run/shared/kernel';
import { loadJson, loadYaml } from '@edge-run/shared/render';
import { readWords } from '@edge-run/shared/schema';
import { decodeValue, encodeValue, type Value } from '@edge-run/shared/values';
import { LocalOrchestra } from '../../support/local-orchestra.ts';
import type { CaseFile, CaseResult, ConformanceGroup, Fixtures } from '../runner.ts';
import { isTexts, refusedDifferences, returnDifferences, unnamed } from '../state-returns.ts';

interface OrchCase {
  readonly files: Readonly<Record<string, string>>;
  readonly common_files?: Readonly<Record<string, string>>;
  readonly call: { readonly fn: string; readonly args: readonly (string | JsonObject)[] };
  /** Sent meanwhile: tag, data, seconds after the beginning. */
  readonly fire?: readonly (readonly [tag: string, data: JsonValue, delay: number])[];
  readonly minions: Readonly<Record<string, JsonObject>>;
  readonly edge_differs?: string;
  readonly salt_bug?: string;
  /** What of `changes.ret` may vary. */
  readonly nondeterministic?: string;
  readonly expected: { readonly return: JsonObject; readonly exit: number };
}

/** How an orchestration ended: its return, or the errors that kept it from starting. */
type End =
  | { readonly kind: 'returned'; readonly states: JsonObject; readonly retcode: number }
  | { readonly kind: 'refused'; readonly errors: readonly string[] };

const MASTER = 'vmaster';

/** Orchestrations over three minions, run by the master's own code in this process. */
export const group: ConformanceGroup = {
  async *run(files: readonly CaseFile[], fixtures: Fixtures): AsyncIterable<CaseResult> {
    for (const file of files) yield await runCase(file.name, file.content as OrchCase, fixtures);
  },
};

async function runCase(name: string, entry: OrchCase, fixtures: Fixtures): Promise<CaseResult> {
  const orchestra = await LocalOrchestra.start({
    files: { ...entry.common_files, ...entry.files },
    master: MASTER,
    grains: fixtures.grains as JsonObject,
    minions: entry.minions,
  });
  try {
    const end = await run(orchestra, entry);
    const differences = entry.edge_differs === undefined ? differencesOf(entry, end) : ruleOf(entry, end);
    if (entry.salt_bug !== undefined) return { name, outcome: 'ignored' };
    if (differences.length === 0) return { name, outcome: 'passed' };
    return { name, outcome: 'failed', difference: differences.join('\n') };
  } finally {
    await orchestra.dispose();
  }
}

async function run(orchestra: LocalOrchestra, { call, fire = [] }: OrchCase): Promise<End> {
  const over = new AbortController();
  const fired = fire.map(async ([tag, data, delay]) => {
    await orchestra.clock.sleep(delay * 1_000, over.signal);
    await orchestra.events.send({ tag, data });
  });
  try {
    const { args, kwargs } = argumentsOf(call.args);
    const answer = encodeValue(await orchestra.call(call.fn, args, kwargs)) as JsonObject;
    return { kind: 'returned', states: statesOf(answer), retcode: Number(answer.retcode) };
  } catch (error) {
    const errors = error instanceof DiagnosticsError ? error.diagnostics.map(formatDiagnostic) : [errorMessage(error)];
    return { kind: 'refused', errors };
  } finally {
    over.abort();
    await Promise.allSettled(fired);
  }
}

/** Words as on a command line; anything else as it is. */
function argumentsOf(given: readonly (string | JsonObject)[]): {
  args: readonly Value[];
  kwargs: ReadonlyMap<string, Value>;
} {
  const words = given.filter((arg) => typeof arg === 'string');
  const { args, kwargs } = readWords(words, { yaml: loadYaml, json: loadJson });
  const data = given.filter((arg) => typeof arg !== 'string').map((arg) => decodeValue(arg));
  return {
    args: [...args.map(({ value }) => value), ...data],
    kwargs: new Map([...kwargs].map(([key, { value }]) => [key, value])),
  };
}

function statesOf(answer: JsonObject): JsonObject {
  return (answer.data as JsonObject)[MASTER] as JsonObject;
}

function differencesOf(entry: OrchCase, end: End): readonly string[] {
  const wanted = statesOf(entry.expected.return) as JsonValue;
  const sources = sourcesOf(entry);
  if (end.kind === 'refused') {
    return isTexts(wanted)
      ? unnamed(wanted, end.errors, sources)
      : refusalDifferences(entry, end.errors, wanted as JsonObject);
  }
  if (isTexts(wanted)) return [`runs, but Salt says: ${wanted.join('; ')}`];
  return [
    ...returnDifferences(end.states, wanted as JsonObject),
    ...(entry.nondeterministic === undefined ? retDifferences(end.states, wanted as JsonObject, sources) : []),
    ...((end.retcode === 0) === (entry.expected.exit === 0)
      ? []
      : [`retcode is ${end.retcode}, Salt exits ${entry.expected.exit}`]),
  ];
}

/** A run that Salt fails in the middle may be refused beforehand, by an error that names what is wrong. */
function refusalDifferences(entry: OrchCase, errors: readonly string[], wanted: JsonObject): readonly string[] {
  if (entry.expected.exit === 0) return refusedDifferences(wanted, errors, sourcesOf(entry));
  const failed = Object.values(wanted).filter((state) => (state as JsonObject).result === false) as JsonObject[];
  const isNamed = failed.some(({ __id__, name }) =>
    errors.some((text) => [__id__, name].some((word) => text.includes(String(word)))),
  );
  return isNamed ? [] : [`is refused without naming what Salt fails on:\n${errors.join('\n')}`];
}

/** What the steps' hosts and runners returned. */
function retDifferences(actual: JsonObject, wanted: JsonObject, sources: readonly string[]): readonly string[] {
  return Object.entries(wanted).flatMap(([key, state]) => {
    if (!(key in actual)) return [];
    const [ours, theirs] = [actual[key], state].map((step) => ((step as JsonObject).changes ?? {}) as JsonObject);
    const errors = (state as JsonObject).result === false ? sources : undefined;
    return ['ret', 'return', 'minions_seen'].flatMap((part) =>
      valueDifferences(`${key}: changes.${part}`, ours?.[part], theirs?.[part], errors),
    );
  });
}

/**
 * Names beginning with `__` are the daemon's; the order of keys does not count. With `errors`, the sources of a case
 * whose step failed, texts are error texts: ours, as long as they name what Salt's name.
 */
function valueDifferences(
  what: string,
  ours: JsonValue | undefined,
  theirs: JsonValue | undefined,
  errors: readonly string[] | undefined,
): readonly string[] {
  if (typeof theirs === 'string' && theirs.includes('@TRACEBACK@')) {
    return ours === undefined ? [`${what} is missing`] : [];
  }
  if (isMapping(ours) && isMapping(theirs)) {
    if (isStateReturn(theirs)) return returnDifferences(ours, theirs).map((text) => `${what}: ${text}`);
    const names = new Set([...Object.keys(ours), ...Object.keys(theirs)].filter((name) => !name.startsWith('__')));
    return [...names].sort().flatMap((name) => valueDifferences(`${what}.${name}`, ours[name], theirs[name], errors));
  }
  const [said, wanted] = [textsOf(ours), textsOf(theirs)];
  if (errors !== undefined && said !== undefined && wanted !== undefined) return unnamed(wanted, said, errors);
  const [left, right] = [JSON.stringify(ours), JSON.stringify(theirs)];
  return left === right ? [] : [`${what} is ${left}, expected ${right}`];
}

function textsOf(json: JsonValue | undefined): readonly string[] | undefined {
  if (typeof json === 'string') return [json];
  return json !== undefined && isTexts(json) && json.length > 0 ? json : undefined;
}

function isMapping(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isStateReturn(json: JsonObject): boolean {
  const keys = Object.keys(json);
  return keys.length > 0 && keys.every((key) => key.includes('_|-'));
}

/** Where Edge departs on purpose. */
function ruleOf(entry: OrchCase, end: End): readonly string[] {
  if (entry.edge_differs !== 'a runner that returns False has failed: result false, exit non-zero') {
    return [`nobody has said how to check: ${entry.edge_differs}`];
  }
  if (end.kind === 'refused') return [`does not run:\n${end.errors.join('\n')}`];
  const results = Object.values(end.states).map((state) => (state as JsonObject).result);
  return results.includes(false) && end.retcode !== 0
    ? []
    : [`results are ${results.join(', ')}, retcode ${end.retcode}`];
}

function sourcesOf(entry: OrchCase): readonly string[] {
  return [...Object.entries({ ...entry.common_files, ...entry.files }).flat(), JSON.stringify(entry.call)];
}
