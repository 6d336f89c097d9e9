import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import { type CallEnd, type CaseContent, Masterless } from '../../support/masterless.ts';
import { hostFunctions, hostStates } from '../../support/modules.ts';
import type { CaseFile, CaseResult, ConformanceGroup, Fixtures } from '../runner.ts';
import { isTexts, refusedDifferences, returnDifferences, unnamed } from '../state-returns.ts';

interface RunCase {
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
    readonly retcode?: number;
    readonly exception?: { readonly type: string; readonly message: string };
    readonly files_after?: Readonly<Record<string, JsonValue>>;
  };
}

/** Python's errors for a slip in Salt's own code. */
const CRASHES = new Set(['UnboundLocalError']);

/** Whole state runs on this machine, below a directory of their own. */
export const group: ConformanceGroup = {
  async *run(files: readonly CaseFile[], fixtures: Fixtures): AsyncIterable<CaseResult> {
    for (const file of files) yield await runCase(file.name, file.content as RunCase, fixtures);
  },
};

async function runCase(name: string, entry: RunCase, fixtures: Fixtures): Promise<CaseResult> {
  const host = await Masterless.start({
    files: entry.files,
    ...(fixtures.hostOf === undefined ? {} : { host: await fixtures.hostOf(entry.id ?? 'minion1') }),
    ...(entry.id === undefined ? {} : { id: entry.id }),
    grains: { ...(fixtures.grains as Readonly<Record<string, JsonValue>>), ...entry.grains },
    ...(entry.opts === undefined ? {} : { opts: entry.opts }),
    functions: hostFunctions,
    states: hostStates,
  });
  try {
    const end = await host.call(entry.call.fn, entry.call.args, entry.call.kwargs);
    const differences = entry.edge_differs === undefined ? await differencesOf(host, entry, end) : ruleOf(entry, end);
    if (isCrash(entry)) return { name, outcome: 'ignored' };
    if (differences.length === 0) return { name, outcome: 'passed' };
    return { name, outcome: 'failed', difference: differences.join('\n') };
  } finally {
    await host.dispose();
  }
}

function isCrash({ salt_bug, expected }: RunCase): boolean {
  return salt_bug !== undefined || CRASHES.has(expected.exception?.type ?? '');
}

async function differencesOf(host: Masterless, entry: RunCase, end: CallEnd): Promise<readonly string[]> {
  const { expected } = entry;
  const errors = errorsOf(end);
  const wanted = expected.return ?? null;
  if (expected.exception !== undefined)
    return errors === undefined ? [`runs, but Salt fails: ${expected.exception.message}`] : [];
  if (isTexts(wanted)) {
    if (errors === undefined) return [`runs, but Salt says: ${wanted.join('; ')}`];
    return unnamed(wanted, errors, sourcesOf(entry));
  }
  if (errors !== undefined) return refusedDifferences(wanted as JsonObject, errors, sourcesOf(entry));
  const actual = (end as Extract<CallEnd, { kind: 'answered' }>).ret as JsonObject;
  const code = (end as Extract<CallEnd, { kind: 'answered' }>).retcode;
  return [
    ...returnDifferences(actual, wanted as JsonObject),
    ...((code === 0) === (expected.retcode === 0) ? [] : [`retcode is ${code}, Salt's ${expected.retcode}`]),
    ...(await fileDifferences(host, expected.files_after ?? {})),
  ];
}

async function fileDifferences(
  host: Masterless,
  files: Readonly<Record<string, JsonValue>>,
): Promise<readonly string[]> {
  const differences: string[] = [];
  for (const [path, wanted] of Object.entries(files)) {
    const actual = await host.fileAfter(path);
    const [left, right] = [JSON.stringify(actual), JSON.stringify(wanted)];
    if (left !== right) differences.push(`${path} is ${left}, expected ${right}`);
  }
  return differences;
}

/** Where Edge departs on purpose: a failure with failhard ends the run for listeners, too. */
function ruleOf(entry: RunCase, end: CallEnd): readonly string[] {
  if (entry.edge_differs !== 'failhard stops listeners too')
    return [`nobody has said how to check: ${entry.edge_differs}`];
  if (end.kind !== 'answered' || end.retcode === 0) return ['the run did not fail'];
  const listeners = Object.keys(end.ret as JsonObject).filter((key) => key.includes('_|-listener_'));
  return listeners.length === 0 ? [] : [`listeners ran: ${listeners.join(', ')}`];
}

/** The errors a call ended with instead of running anything; undefined when it ran. */
function errorsOf(end: CallEnd): readonly string[] | undefined {
  if (end.kind === 'thrown') return [end.message];
  return end.retcode !== 0 && isTexts(end.ret) ? end.ret : undefined;
}

function sourcesOf(entry: RunCase): readonly string[] {
  const texts = Object.entries(entry.files).flatMap(([path, content]) => [
    path,
    typeof content === 'string' ? content : content.text,
  ]);
  return [...texts, JSON.stringify(entry.call)];
}
