import { formatDiagnostic, type JsonValue } from '@edge-run/shared/kernel';
import { type CompileCatalog, compile, compileLow } from '@edge-run/shared/state';
import { encodeValue } from '@edge-run/shared/values';
import { missingNames } from '../../support/case-errors.ts';
import { type CaseContent, Masterless } from '../../support/masterless.ts';
import { hostFunctions, hostStates } from '../../support/modules.ts';
import type { CaseFile, CaseResult, ConformanceGroup, Fixtures } from '../runner.ts';

interface LowCase {
  readonly name: string;
  readonly files: Readonly<Record<string, CaseContent>>;
  readonly id?: string;
  readonly grains?: Readonly<Record<string, JsonValue>>;
  readonly opts?: Readonly<Record<string, JsonValue>>;
  readonly call: {
    readonly fn: string;
    readonly args: readonly JsonValue[];
    readonly kwargs?: Readonly<Record<string, JsonValue>>;
  };
  readonly edge_differs?: string;
  readonly salt_bug?: string;
  readonly expected: {
    readonly return?: JsonValue;
    readonly exception?: { readonly type: string; readonly message: string };
    readonly compiled?: { readonly chunks?: readonly JsonValue[]; readonly errors?: readonly string[] };
  };
}

/**
 * SLS files to low chunks. `compiled` is compared with the compiler, `return` with what the show function prints; the
 * order of keys counts. Of errors it counts that they are some, and that they name what Salt's name.
 */
export const group: ConformanceGroup = {
  async *run(files: readonly CaseFile[], fixtures: Fixtures): AsyncIterable<CaseResult> {
    for (const file of files) yield await runCase(file.name, file.content as LowCase, fixtures);
  },
};

async function runCase(name: string, entry: LowCase, fixtures: Fixtures): Promise<CaseResult> {
  const host = await Masterless.start({
    files: entry.files,
    ...(entry.id === undefined ? {} : { id: entry.id }),
    grains: { ...(fixtures.grains as Readonly<Record<string, JsonValue>>), ...entry.grains },
    ...(entry.opts === undefined ? {} : { opts: entry.opts }),
    functions: hostFunctions,
    states: hostStates,
  });
  try {
    const differences = entry.edge_differs === undefined ? await differencesOf(host, entry) : await ruleOf(host, entry);
    if (entry.salt_bug !== undefined) return { name, outcome: 'ignored' };
    if (differences.length === 0) return { name, outcome: 'passed' };
    return { name, outcome: 'failed', difference: differences.join('\n') };
  } finally {
    await host.dispose();
  }
}

async function differencesOf(host: Masterless, entry: LowCase): Promise<readonly string[]> {
  const { compiled } = entry.expected;
  const ofCompiler = compiled === undefined ? [] : await compilerDifferences(host, entry, compiled);
  return [...ofCompiler, ...(await shownDifferences(host, entry))];
}

async function compilerDifferences(
  host: Masterless,
  entry: LowCase,
  expected: NonNullable<LowCase['expected']['compiled']>,
): Promise<readonly string[]> {
  const names = String(entry.call.args[0]).split(',');
  const high = await host.gather(names);
  const low = high.value === undefined ? high : compileLow(high.value);
  const plan = high.value === undefined ? high : compile(high.value, ANY_MODULE);
  const texts = host.masked([...high.diagnostics, ...plan.diagnostics].map(formatDiagnostic)) as readonly string[];
  if (expected.errors !== undefined) {
    if (plan.value !== undefined) return [`compiles, but Salt says: ${expected.errors.join('; ')}`];
    const missing = missingNames(expected.errors, texts.join('\n'), sourcesOf(entry));
    return missing.length === 0 ? [] : [`errors do not name ${missing.join(', ')}:\n${texts.join('\n')}`];
  }
  if (low.value === undefined) return [`does not compile:\n${texts.join('\n')}`];
  const chunks = (low.value as readonly Parameters<typeof encodeValue>[0][]).map((chunk) => encodeValue(chunk));
  return compared('compiled', host.masked(chunks), expected.chunks ?? []);
}

async function shownDifferences(host: Masterless, entry: LowCase): Promise<readonly string[]> {
  const { call, expected } = entry;
  const end = await host.call(call.fn, call.args, call.kwargs);
  if (expected.exception !== undefined) {
    const isError = end.kind === 'thrown' || end.retcode !== 0;
    return isError ? [] : [`answers ${JSON.stringify(end.ret)}, but Salt fails: ${expected.exception.message}`];
  }
  const wanted = expected.return ?? null;
  if (end.kind === 'thrown') return [`${call.fn} fails: ${end.message}`];
  if (!isErrorList(wanted)) return compared(call.fn, end.ret, wanted);
  // Nothing is printed that cannot be compiled; Salt prints some of it.
  if (!isErrorList(end.ret)) {
    return entry.expected.compiled?.chunks === undefined ? [`${call.fn} answers ${JSON.stringify(end.ret)}`] : [];
  }
  const missing = missingNames(wanted, end.ret.join('\n'), sourcesOf(entry));
  return missing.length === 0 ? [] : [`${call.fn}: errors do not name ${missing.join(', ')}:\n${end.ret.join('\n')}`];
}

/** Where Edge departs on purpose: an order in quotes is that number. */
async function ruleOf(host: Masterless, entry: LowCase): Promise<readonly string[]> {
  if (entry.edge_differs !== 'an order that is a text of digits counts as that number') {
    return [`nobody has said how to check: ${entry.edge_differs}`];
  }
  const high = await host.gather(String(entry.call.args[0]).split(','));
  const chunks = high.value === undefined ? [] : (compileLow(high.value).value ?? []);
  const orders = chunks.map((chunk) => chunk.get('order'));
  const isSorted = orders.every((order, index) => index === 0 || Number(orders[index - 1]) <= Number(order));
  const isRead = orders.length > 0 && orders.every((order) => typeof order === 'number');
  return isRead && isSorted ? [] : [`orders are ${JSON.stringify(orders)}`];
}

function compared(what: string, actual: JsonValue, expected: JsonValue): readonly string[] {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  return left === right ? [] : [`${what}:\n  actual   ${left}\n  expected ${right}`];
}

function isErrorList(json: JsonValue): json is readonly string[] {
  return Array.isArray(json) && json.length > 0 && json.every((item) => typeof item === 'string');
}

function sourcesOf(entry: LowCase): readonly string[] {
  const texts = Object.entries(entry.files).flatMap(([path, content]) => [
    path,
    typeof content === 'string' ? content : content.text,
  ]);
  return [...texts, JSON.stringify(entry.call)];
}

/** The cases use modules of every kind: their arguments are not what is tested here. */
const ANY_MODULE: CompileCatalog = {
  hasState: () => true,
  declares: () => false,
  check: () => ({ value: {}, diagnostics: [] }),
};
