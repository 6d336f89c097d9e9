import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '@edge-run/shared/kernel';
import { loadJson, loadYaml } from '@edge-run/shared/render';
import { readWords } from '@edge-run/shared/schema';
import { encodeValue } from '@edge-run/shared/values';
import type { CaseResult, ConformanceGroup } from '../runner.ts';
import { type OptionsCase, runOptions } from './cli-options.ts';

interface ArgsCase {
  readonly argv: readonly string[];
  readonly expected: { readonly args: JsonValue; readonly kwargs: JsonValue };
  readonly salt_bug?: unknown;
}

/** `cli/args.json`: the words behind a function's name; `cli/salt_options.json`: whole lines. */
export const group: ConformanceGroup = {
  async *run(files) {
    for (const file of files.filter(({ name }) => name === 'args')) {
      for (const args of (file.content as { cases: ArgsCase[] }).cases) yield runArgs(args);
    }
    for (const file of files.filter(({ name }) => name === 'salt_options')) {
      for (const line of (file.content as { cases: OptionsCase[] }).cases) yield await runOptions(line);
    }
  },
};

function runArgs({ argv, expected, salt_bug: saltBug }: ArgsCase): CaseResult {
  const name = `args: ${JSON.stringify(argv)}`;
  if (saltBug !== undefined) return { name, outcome: 'ignored' };
  const { args, kwargs } = readWords(argv, { yaml: loadYaml, json: loadJson });
  const got = {
    args: args.map(({ value }) => encodeValue(value)),
    kwargs: Object.fromEntries([...kwargs].map(([key, { value }]) => [key, encodeValue(value)])),
  };
  const same = isDeepStrictEqual(got, { args: expected.args, kwargs: expected.kwargs });
  if (same) return { name, outcome: 'passed' };
  return { name, outcome: 'failed', difference: `got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}` };
}
