import { isFloat, isInteger, PyMap, type Value } from '@edge-run/shared/values';
import type { Unit } from '../unit.ts';
import { type Finding, finding, type Rule } from './rule.ts';

/** Keys whose value is a revision of a repository. */
const KEYS = 'rev|revision|git_rev|commit|commit_id|sha|sha1|git_sha|hash';
const KEY = new RegExp(`^(?:${KEYS})$`);
/** `rev: {{ … }}` with nothing around it; a filter that quotes ends in what is taken as text. */
const WRITTEN = new RegExp(`^(\\s*(?:-\\s+)*(?:${KEYS})\\s*:\\s*)(\\{\\{(.*)\\}\\})\\s*(?:#.*)?$`);
const QUOTES = /\|\s*(?:json|tojson|yaml_dquote|yaml_squote|yaml_encode|quote)\b/;

/**
 * Revisions YAML reads, or may read, as numbers: `rev: 0123456` is none the author wrote, and `rev: {{ revision }}` will
 * be one on the day a hash is all digits.
 */
export const revisionUnquoted: Rule = {
  code: 'EDGE_REVISION_UNQUOTED',
  severity: 'warning',
  units: ['highstate', 'sls', 'orchestration'],
  find: (unit, { sources }) => {
    const files = new Set(unit.chunks.flatMap(({ place }) => (place === undefined ? [] : [place.file])));
    const written = [...files].flatMap((file) => writtenIn(file, sources.stateLines(file)));
    const taken = new Set(written.map(({ source }) => `${source?.file}:${source?.line}`));
    const numbers = unit.chunks.flatMap((chunk) =>
      numbersIn(chunk.args, (container, key) =>
        container === chunk.args ? unit.placeOf(chunk, String(key)) : (unit.placeIn(container, key) ?? chunk.place),
      ),
    );
    return [...written, ...numbers.filter(({ source }) => !taken.has(`${source?.file}:${source?.line}`))];
  },
};

function writtenIn(file: string, lines: readonly string[]): readonly Finding[] {
  return lines.flatMap((text, index) => {
    const match = WRITTEN.exec(text);
    if (match === null || QUOTES.test(match[3]!)) return [];
    const column = match[1]!.length + 1;
    const source = { file, line: index + 1, column, endColumn: column + match[2]!.length, text };
    const detail = `put it in quotes: "${match[2]}"; YAML makes a number of a hash that is all digits`;
    return [finding('the revision is not in quotes', detail, source)];
  });
}

/** Numbers below keys of revisions, in arguments and what they hold. */
export function numbersIn(value: Value, placeOf: Unit['placeIn'], depth = 0): readonly Finding[] {
  if (depth > MOST_LEVELS) return [];
  if (Array.isArray(value)) return value.flatMap((item) => numbersIn(item, placeOf, depth + 1));
  if (!(value instanceof PyMap)) return [];
  return [...value].flatMap(([key, item]) => {
    if (typeof key !== 'string' || !KEY.test(key) || !(isInteger(item) || isFloat(item))) {
      return numbersIn(item, placeOf, depth + 1);
    }
    const source = placeOf(value, key);
    // What is written is not what is left of it: another commit, or none.
    const isLost = source?.text !== undefined && LOST.test(source.text.slice((source.column ?? 1) - 1));
    const detail = isLost
      ? 'put it in quotes: YAML has read a number, which is not what is written'
      : 'put it in quotes';
    const summary = `the revision \`${key}\` is the number ${String(item)}`;
    return [{ ...finding(summary, detail, source), severity: isLost ? 'error' : 'warning' }];
  });
}

const MOST_LEVELS = 20;
/** Numbers that YAML does not read as they are written: leading zeros, underscores, other bases, exponents, times. */
const LOST = /:\s*[-+]?(?:0\w|\d*[_:.]|\d+e)/i;
