import { errorMessage, type JsonValue } from '@edge-run/shared/kernel';
import { decodeValue, encodeValue, type PyMap, type Value, valuesEqual } from '@edge-run/shared/values';
import { isUserError, type PillarCase, runPillarCase } from '../../support/pillar-case.ts';
import { realRenderData } from '../../support/render-data.ts';
import type { CaseFile, CaseResult, ConformanceGroup } from '../runner.ts';

interface PillarFile extends PillarCase {
  readonly expected: { readonly return?: JsonValue; readonly exception?: { readonly message: string } };
  /** Edge's own rule, in words; it is the expectation where it stands. */
  readonly edge_differs?: string;
  /** Salt crashes here: the case is run, and counts neither way. */
  readonly salt_bug?: string;
}

type Outcome =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'error'; readonly message: string }
  /** A fault of Edge or of the harness: never what a case expects. */
  | { readonly kind: 'fault'; readonly message: string };

/** Pillars compiled and asked on one host, as with `salt-call`. */
export const group: ConformanceGroup = {
  async *run(files: readonly CaseFile[], fixtures): AsyncIterable<CaseResult> {
    const grains = decodeValue(fixtures.grains as JsonValue) as PyMap;
    const render = realRenderData();
    for (const file of files)
      yield await runCase(file.name, file.content as PillarFile, (entry) => runPillarCase(entry, grains, render));
  },
};

type RunCase = (entry: PillarFile) => Promise<Value>;

async function runCase(name: string, entry: PillarFile, run: RunCase): Promise<CaseResult> {
  const outcome = await outcomeOf(entry, run);
  if (entry.salt_bug !== undefined) return { name, outcome: 'ignored' };
  if (agrees(entry, outcome)) return { name, outcome: 'passed' };
  const wanted = entry.edge_differs ?? JSON.stringify(entry.expected);
  return { name, outcome: 'failed', difference: `expected ${wanted}\ngot ${JSON.stringify(outcome)}` };
}

async function outcomeOf(entry: PillarFile, run: RunCase): Promise<Outcome> {
  try {
    return { kind: 'value', value: encodeValue(await run(entry)) };
  } catch (error) {
    const kind = isUserError(error) ? 'error' : 'fault';
    return { kind, message: errorMessage(error) };
  }
}

function agrees(entry: PillarFile, outcome: Outcome): boolean {
  const { expected, edge_differs: rule } = entry;
  if (outcome.kind === 'fault') return false;
  // Salt notes errors in the pillar and goes on; the rules of Edge refuse instead, or keep what Salt could not.
  if (rule !== undefined)
    return outcome.kind === 'error' || (/\bkept\b/.test(rule) && !('_errors' in Object(outcome.value)));
  if (outcome.kind === 'error') return expected.exception !== undefined;
  return expected.return !== undefined && valuesEqual(decodeValue(outcome.value), decodeValue(expected.return));
}
