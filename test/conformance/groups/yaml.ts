import { isDeepStrictEqual } from 'node:util';
import { DiagnosticsError, errorMessage, type JsonValue, requireCompiled } from '@edge-run/shared/kernel';
import { loadSls, loadYaml } from '@edge-run/shared/render';
import { encodeValue, type Value } from '@edge-run/shared/values';
import type { CaseResult, ConformanceGroup } from '../runner.ts';

type Expected = { readonly value: JsonValue } | { readonly error: string };
interface YamlCase {
  readonly text: string;
  readonly expected: { readonly sls_render?: Expected; readonly safe_load?: Expected };
  readonly salt_bug?: unknown;
}

/** `yaml/*.json`: what SLS files and command lines get for a text; any error passes for an error. */
export const group: ConformanceGroup = {
  async *run(files) {
    for (const file of files) {
      const { cases } = file.content as { cases: YamlCase[] };
      for (const { text, expected, salt_bug: saltBug } of cases) {
        const name = `${file.name}: ${JSON.stringify(text)}`;
        const results = [
          expected.sls_render && compare(`${name} as an SLS`, expected.sls_render, () => loadAsSls(text)),
          expected.safe_load && compare(`${name} as safe_load`, expected.safe_load, () => loadYaml(text)),
        ];
        for (const result of results) {
          if (result) yield saltBug === undefined ? result : { ...result, outcome: 'ignored' };
        }
      }
    }
  },
};

function loadAsSls(text: string): Value {
  return requireCompiled(loadSls(text, { path: 'case.sls' })).value;
}

function compare(name: string, expected: Expected, load: () => Value): CaseResult {
  let got: JsonValue;
  try {
    got = asCaseValue(encodeValue(load()));
  } catch (error) {
    if ('error' in expected && error instanceof DiagnosticsError) return { name, outcome: 'passed' };
    return { name, outcome: 'failed', difference: errorMessage(error) };
  }
  if ('value' in expected && isDeepStrictEqual(got, asCaseValue(expected.value))) return { name, outcome: 'passed' };
  return { name, outcome: 'failed', difference: `got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}` };
}

/**
 * The cases write tuples as lists and mappings as plain objects, whatever their keys look like; floats count by value,
 * not by the way they are spelt.
 */
function asCaseValue(json: JsonValue): JsonValue {
  if (json === null || typeof json !== 'object') return json;
  if (Array.isArray(json)) return json.map(asCaseValue);
  const entries = Object.entries(json).map(([key, value]) => [key, asCaseValue(value!)] as const);
  const [only] = entries;
  if (entries.length === 1 && only![0] === '$tuple') return only![1];
  if (entries.length === 1 && only![0] === '$float') return { $float: spellFloat(String(only![1])) };
  if (entries.length === 1 && only![0] === '$map') {
    const pairs = only![1] as [JsonValue, JsonValue][];
    return Object.fromEntries(
      pairs.map(([key, value]) => [typeof key === 'string' ? key : `$key:${JSON.stringify(key)}`, value]),
    );
  }
  return Object.fromEntries(entries);
}

function spellFloat(text: string): string {
  return /^(?:-?inf|nan)$/.test(text) || Number(text) === 0 ? text : String(Number(text));
}
