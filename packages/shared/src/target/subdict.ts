import { Secret } from '../kernel/index.ts';
import { isFloat, PyDate, PyFloat, PyMap, PySet, PyTuple, traverse, type Value } from '../values/index.ts';

/** Compares the text of a value, in lower case, with what the expression says. */
type ValueTest = (text: string) => boolean;

/** Gives the test for the rest of an expression after its key; expressions are split at every delimiter in turn. */
export type TestFactory = (pattern: string) => ValueTest;

/**
 * Salt's matching of `key:sub:value` in grains or pillar: every split into key and value is tried, longest key first;
 * lists match by any member, a key alone matches where `*` or its own name stands for the value.
 * (Salt 3006 utils/data.py, subdict_match.)
 */
export function subdictMatches(data: PyMap, expression: string, delimiter: string, testFor: TestFactory): boolean {
  const parts = expression.split(delimiter);
  for (let cut = parts.length - 1; cut > 0; cut -= 1) {
    const key = parts.slice(0, cut).join(delimiter);
    // A leading `*` stands for every key of the top level, so the whole expression is still to be matched.
    const found = key === '*' ? data : traverse(data, key, delimiter);
    const rest = key === '*' ? expression : parts.slice(cut).join(delimiter);
    if (found !== undefined && valueMatches(found, rest, delimiter, testFor)) return true;
  }
  return false;
}

function valueMatches(value: Value, pattern: string, delimiter: string, testFor: TestFactory): boolean {
  if (value instanceof PyMap) return value.size > 0 && mapMatches(value, pattern, delimiter, testFor);
  const test = testFor(pattern);
  const members = sequenceOf(value);
  if (members === undefined) return testValue(value, test);
  return members.some(
    (member) => (member instanceof PyMap && mapMatches(member, pattern, delimiter, testFor)) || testValue(member, test),
  );
}

function mapMatches(map: PyMap, pattern: string, delimiter: string, testFor: TestFactory): boolean {
  const anyKey = `*${delimiter}`;
  const wildcard = pattern.startsWith(anyKey);
  const rest = wildcard ? pattern.slice(anyKey.length) : pattern;
  if (rest === '*' || map.has(rest) || subdictMatches(map, rest, delimiter, testFor)) return true;
  if (!wildcard) return false;
  const test = testFor(rest);
  return [...map.values()].some((value) => {
    if (value instanceof PyMap) return mapMatches(value, rest, delimiter, testFor);
    const members = sequenceOf(value);
    return members === undefined ? testValue(value, test) : members.some((member) => testValue(member, test));
  });
}

/** A secret is never compared: whether a target matched would tell what it is. */
function testValue(value: Value, test: ValueTest): boolean {
  return !(value instanceof Secret) && test(textOf(value).toLowerCase());
}

/** Python's `str()` of a value, as far as targets compare it. */
function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof PyDate) return value.iso.replace('T', ' ');
  if (isFloat(value)) return floatText(value instanceof PyFloat ? value.value : value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof PyMap) return `{${[...value].map(([k, v]) => `${reprOf(k)}: ${reprOf(v)}`).join(', ')}}`;
  if (value instanceof PySet) return `{${[...value].map(reprOf).join(', ')}}`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (value instanceof Secret) return value.toString();
  const items = (sequenceOf(value) ?? []).map(reprOf).join(', ');
  return Array.isArray(value) ? `[${items}]` : `(${items})`;
}

function reprOf(value: Value): string {
  return typeof value === 'string' ? `'${value}'` : textOf(value);
}

function floatText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value);
}

/** Items of a list or tuple; undefined for anything else. */
export function sequenceOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof PyTuple ? value.items : undefined;
}
