import type { JsonValue } from '@edge-run/shared/kernel';
import { EdgeError } from '@edge-run/shared/kernel';
import { matchTarget, parseTarget } from '@edge-run/shared/target';
import { decodeValue, type PyMap } from '@edge-run/shared/values';
import type { CaseFile, CaseResult, ConformanceGroup } from '../runner.ts';

interface MatchFile {
  readonly minion: { readonly id: string; readonly grains: JsonValue; readonly pillar: JsonValue };
  readonly nodegroups?: Readonly<Record<string, string | readonly string[]>>;
  readonly cases: readonly MatchCase[];
  readonly salt_bug?: string;
}

interface MatchCase {
  readonly tgt_type: string;
  readonly tgt: string | readonly string[];
  readonly delimiter?: string;
  readonly expected: { readonly match?: boolean; readonly error?: string };
  readonly salt_bug?: string;
}

/** Targets against one minion. Salt's silent non-match on bad syntax is an error here: both pass. */
export const group: ConformanceGroup = {
  async *run(files: readonly CaseFile[]): AsyncIterable<CaseResult> {
    for (const file of files) {
      const content = file.content as MatchFile;
      for (const [index, entry] of content.cases.entries()) yield runCase(`${file.name}[${index}]`, content, entry);
    }
  },
};

function runCase(label: string, { minion, nodegroups, salt_bug }: MatchFile, entry: MatchCase): CaseResult {
  const name = `${label} ${entry.tgt_type} ${JSON.stringify(entry.tgt)}`;
  const subject = {
    id: minion.id,
    grains: decodeValue(minion.grains) as PyMap,
    pillar: decodeValue(minion.pillar) as PyMap,
  };
  const actual = outcome(entry, subject, nodegroups ?? {});
  const { match, error } = entry.expected;
  const passed =
    actual.kind === 'error' ? error !== undefined || match === false : error === undefined && actual.matched === match;
  if (entry.salt_bug !== undefined || salt_bug !== undefined) return { name, outcome: 'ignored' };
  if (passed) return { name, outcome: 'passed' };
  return {
    name,
    outcome: 'failed',
    difference: `expected ${JSON.stringify(entry.expected)}, got ${JSON.stringify(actual)}`,
  };
}

type Outcome =
  | { readonly kind: 'matched'; readonly matched: boolean }
  | { readonly kind: 'error'; readonly message: string };

function outcome(
  entry: MatchCase,
  subject: Parameters<typeof matchTarget>[1],
  nodegroups: Readonly<Record<string, string | readonly string[]>>,
): Outcome {
  const options = entry.delimiter === undefined ? {} : { delimiter: entry.delimiter };
  const { value, diagnostics } = parseTarget(entry.tgt, entry.tgt_type, options);
  if (value === undefined) return { kind: 'error', message: diagnostics.map(({ summary }) => summary).join('; ') };
  try {
    return { kind: 'matched', matched: matchTarget(value, subject, { nodegroups }) };
  } catch (error) {
    if (error instanceof EdgeError) return { kind: 'error', message: error.message };
    throw error;
  }
}
