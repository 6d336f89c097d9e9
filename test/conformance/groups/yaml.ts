import { isDeepStrictEqual } from 'node:util';
import { type Compiled, DiagnosticsError, type JsonValue } from '@edge-run/shared/kernel';
import { loadSls, loadYaml } from '@edge-run/shared/render';
import { encodeValue, type Value } from '@edge-run/shared/values';
import type { CaseResult, ConformanceGroup } from '../runner.ts';

type Expected = { readonly value: JsonValue } | { readonly error: string };
interface YamlCase {
  readonly text: string;
  readonly expected: { readonly sls_render: Expected; readonly safe_load: Expected };
}

/** `yaml/*.json`: what SLS files and command lines get for a text; any error passes for an error. */
export const group: ConformanceGroup = {
  async *run(files) {
    for (const file of files) {
      const { cases } = file.content as { cases: YamlCase[] };
      for (const { text, expected } of cases) {
        const name = `${file.name}: ${JSON.stringify(text)}`;
        yield compare(`${name} as an SLS`, expected.sls_render, () => {
          const result = loadSls(text, { path: 'case.sls' });
          return result.value ? result.value.value : failed(result);
        });
        yield compare(`${name} as safe_load`, expected.safe_load, () => loadYaml(text));
      }
    }
  },
};

function failed(result: Compiled<unknown>): never {
  throw new DiagnosticsError(result.diagnostics);
}

function compare(name: string, expected: Expected, load: () => Value): CaseResult {
  let got: JsonValue;
  try {
    got = asCaseValue(encodeValue(load()));
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    if ('error' in expected) return { name, outcome: 'passed' };
    return { name, outcome: 'failed', difference: `refused: ${error.message}` };
  }
  if ('value' in expected && isDeepStrictEqual(got, expected.value)) return { name, outcome: 'passed' };
  return { name, outcome: 'failed', difference: `got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}` };
}

/** The cases write tuples as lists and mappings as plain objects, whatever their keys look like. */
function asCaseValue(json: JsonValue): JsonValue {
  if (json === null || typeof json !== 'object') return json;
  if (Array.isArray(json)) return json.map(asCaseValue);
  const entries = Object.entries(json).map(([key, value]) => [key, asCaseValue(value!)] as const);
  const [only] = entries;
  if (entries.length === 1 && only![0] === '$tuple') return only![1];
  if (entries.length === 1 && only![0] === '$map') {
    const pairs = only![1] as [JsonValue, JsonValue][];
    return Object.fromEntries(
      pairs.map(([key, value]) => [typeof key === 'string' ? key : `$key:${JSON.stringify(key)}`, value]),
    );
  }
  return Object.fromEntries(entries);
}
