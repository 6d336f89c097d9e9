import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import { missingNames } from '../support/case-errors.ts';

/** What of a state's return counts. */
const COUNTED = ['__run_num__', 'result', 'name', '__id__', '__sls__'] as const;

/** Salt's words for what could have been known before the run; an error before anything has run is as good. */
const KNOWN_BEFORE = /not found|does not exist|not available|Unavailable function|Recursive requisite/;

/** What is wrong with errors given before anything ran. Refusing beforehand is right where Salt fails in the middle on what the tree already says. */
export function refusedDifferences(
  wanted: JsonObject,
  errors: readonly string[],
  sources: readonly string[],
): readonly string[] {
  const failures = Object.values(wanted)
    .map((state) => state as JsonObject)
    .filter((state) => state.result === false && KNOWN_BEFORE.test(String(state.comment)));
  if (failures.length === 0) return [`does not run:\n${errors.join('\n')}`];
  const text = errors.join('\n');
  const isNamed = (state: JsonObject): boolean =>
    [state.__id__, ...String(state.comment).split(/[\s:',]+/)].some(
      (word) => typeof word === 'string' && word.length > 0 && isOwn(word, sources) && text.includes(word),
    );
  return failures.every(isNamed) ? [] : [`errors do not name what Salt fails on:\n${text}`];
}

function isOwn(word: string, sources: readonly string[]): boolean {
  return sources.some((source) => source.includes(word));
}

/** Where the returns of a state run differ from Salt's, of what counts. */
export function returnDifferences(actual: JsonObject, wanted: JsonObject): readonly string[] {
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

/** What our errors leave out of what Salt's name. */
export function unnamed(
  theirs: readonly string[],
  ours: readonly string[],
  sources: readonly string[],
): readonly string[] {
  const missing = missingNames(theirs, ours.join('\n'), sources);
  return missing.length === 0 ? [] : [`errors do not name ${missing.join(', ')}:\n${ours.join('\n')}`];
}

/** A list of error texts. */
export function isTexts(json: JsonValue): json is readonly string[] {
  return Array.isArray(json) && json.every((item) => typeof item === 'string');
}

/** No changes, in whatever form. */
function isEmpty(changes: JsonValue | undefined): boolean {
  return (
    changes === undefined || changes === null || (typeof changes === 'object' && Object.keys(changes).length === 0)
  );
}
