import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import { missingNames } from '../../support/case-errors.ts';
import { type CallEnd, type CaseContent, Masterless } from '../../support/masterless.ts';
import { hostFunctions, hostStates } from '../../support/modules.ts';
import type { CaseFile, CaseResult, ConformanceGroup, Fixtures } from '../runner.ts';

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

/** What of a state's return counts. */
const COUNTED = ['__run_num__', 'result', 'name', '__id__', '__sls__'] as const;

/** Salt's words for what could have been known before the run; an error before anything has run is as good. */
const KNOWN_BEFORE = /not found|does not exist|not available|Unavailable function|Recursive requisite/;

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
    return unnamed(wanted, errors, entry);
  }
  if (errors !== undefined) return refusedDifferences(wanted as JsonObject, errors, entry);
  const actual = (end as Extract<CallEnd, { kind: 'answered' }>).ret as JsonObject;
  const code = (end as Extract<CallEnd, { kind: 'answered' }>).retcode;
  return [
    ...returnDifferences(actual, wanted as JsonObject),
    ...((code === 0) === (expected.retcode === 0) ? [] : [`retcode is ${code}, Salt's ${expected.retcode}`]),
    ...(await fileDifferences(host, expected.files_after ?? {})),
  ];
}

/** Refusing beforehand is right where Salt fails in the middle on what the tree already says. */
function refusedDifferences(wanted: JsonObject, errors: readonly string[], entry: RunCase): readonly string[] {
  const failures = Object.values(wanted)
    .map((state) => state as JsonObject)
    .filter((state) => state.result === false && KNOWN_BEFORE.test(String(state.comment)));
  if (failures.length === 0) return [`does not run:\n${errors.join('\n')}`];
  const text = errors.join('\n');
  const isNamed = (state: JsonObject): boolean =>
    [state.__id__, ...String(state.comment).split(/[\s:',]+/)].some(
      (word) => typeof word === 'string' && word.length > 0 && isOwn(word, entry) && text.includes(word),
    );
  return failures.every(isNamed) ? [] : [`errors do not name what Salt fails on:\n${text}`];
}

function isOwn(word: string, entry: RunCase): boolean {
  return sourcesOf(entry).some((source) => source.includes(word));
}

function returnDifferences(actual: JsonObject, wanted: JsonObject): readonly string[] {
  const differences: string[] = [];
  const keys = (json: JsonObject): string => Object.keys(json).sort().join('\n    ');
  if (keys(actual) !== keys(wanted)) differences.push(`states:\n    ${keys(actual)}\n  expected:\n    ${keys(wanted)}`);
  for (const [key, state] of Object.entries(wanted)) {
    if (key in actual) differences.push(...stateDifferences(key, actual[key] as JsonObject, state as JsonObject));
  }
  return differences;
}

function stateDifferences(key: string, actual: JsonObject, wanted: JsonObject): readonly string[] {
  const differences: string[] = [];
  for (const field of COUNTED) {
    if (!(field in wanted)) continue;
    const [left, right] = [JSON.stringify(actual[field]), JSON.stringify(wanted[field])];
    if (left !== right) differences.push(`${key}: ${field} is ${left}, expected ${right} (${actual.comment})`);
  }
  if (isEmpty(actual.changes) !== isEmpty(wanted.changes)) {
    differences.push(
      `${key}: changes are ${JSON.stringify(actual.changes)}, expected ${JSON.stringify(wanted.changes)} (${actual.comment})`,
    );
  }
  const failed = /^One or more requisite failed: (.*)$/.exec(String(wanted.comment))?.[1]?.split(', ') ?? [];
  for (const name of failed) {
    if (!String(actual.comment).includes(name))
      differences.push(`${key}: the comment does not name ${name}: ${actual.comment}`);
  }
  return differences;
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

function unnamed(theirs: readonly string[], ours: readonly string[], entry: RunCase): readonly string[] {
  const missing = missingNames(theirs, ours.join('\n'), sourcesOf(entry));
  return missing.length === 0 ? [] : [`errors do not name ${missing.join(', ')}:\n${ours.join('\n')}`];
}

/** The errors a call ended with instead of running anything; undefined when it ran. */
function errorsOf(end: CallEnd): readonly string[] | undefined {
  if (end.kind === 'thrown') return [end.message];
  return end.retcode !== 0 && isTexts(end.ret) ? end.ret : undefined;
}

function isTexts(json: JsonValue): json is readonly string[] {
  return Array.isArray(json) && json.every((item) => typeof item === 'string');
}

function isEmpty(changes: JsonValue | undefined): boolean {
  return (
    changes === undefined || changes === null || (typeof changes === 'object' && Object.keys(changes).length === 0)
  );
}

function sourcesOf(entry: RunCase): readonly string[] {
  const texts = Object.entries(entry.files).flatMap(([path, content]) => [
    path,
    typeof content === 'string' ? content : content.text,
  ]);
  return [...texts, JSON.stringify(entry.call)];
}
