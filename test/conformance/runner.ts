import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Host } from '@edge-run/shared/host';

/** A case file of a conformance group, parsed. */
export interface CaseFile {
  /** File name without `.json`. */
  readonly name: string;
  readonly path: string;
  readonly content: unknown;
}

/** How one case ended; `ignored` (Salt's own crashes) counts neither way. */
export interface CaseResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'ignored';
  /** What differed, for a failed case. */
  readonly difference?: string;
}

/** A group of cases and how to run them; one file of `groups/` each. */
export interface ConformanceGroup {
  run(files: readonly CaseFile[], fixtures: Fixtures): AsyncIterable<CaseResult>;
}

/** A group whose cases a manifest lists, and whose files stand below a folder named beside it. */
export interface ManifestGroup {
  runManifest(manifest: string, root: string): AsyncIterable<CaseResult>;
}

/** What the cases of a directory share. */
export interface Fixtures {
  /** The fixed grains of minion `minion1`. */
  readonly grains: Readonly<Record<string, unknown>>;
  /** The host of that id where cases run on a host; this machine itself where absent. */
  readonly hostOf?: (id: string) => Promise<Host>;
}

/** The counts of a run and every failed case. */
export interface GroupSummary {
  readonly passed: number;
  readonly failures: readonly CaseResult[];
  readonly ignored: number;
}

/** Reads every `*.json` of `dir` in name order, with the grains beside it, above it or of this repository. */
export function readCases(dir: string): { files: readonly CaseFile[]; fixtures: Fixtures } {
  const names = readdirSync(dir).filter((name) => name.endsWith('.json') && name !== 'GRAINS.json');
  const files = names.sort().map((name) => {
    const path = join(dir, name);
    return { name: basename(name, '.json'), path, content: JSON.parse(readFileSync(path, 'utf8')) as unknown };
  });
  const own = join(repositoryRoot(), 'test/conformance/cases/GRAINS.json');
  const grainsPath = [join(dir, 'GRAINS.json'), join(dirname(dir), 'GRAINS.json'), own].find(
    (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  );
  return { files, fixtures: { grains: JSON.parse(readFileSync(grainsPath!, 'utf8')) as Record<string, unknown> } };
}

/** What differs from a plain run. */
export interface RunOptions {
  readonly hostOf?: NonNullable<Fixtures['hostOf']>;
  /** Which cases, by name. */
  readonly only?: (name: string) => boolean;
}

/** Runs a group over a directory. */
export async function runGroup(
  group: ConformanceGroup,
  dir: string,
  { hostOf, only = () => true }: RunOptions = {},
): Promise<GroupSummary> {
  const { files, fixtures } = readCases(dir);
  const all = { ...fixtures, ...(hostOf === undefined ? {} : { hostOf }) };
  return summarise(
    group.run(
      files.filter(({ name }) => only(name)),
      all,
    ),
  );
}

/** Counts results, handing each on as it comes. */
export async function summarise(
  results: AsyncIterable<CaseResult>,
  onResult: (result: CaseResult) => void = () => {},
): Promise<GroupSummary> {
  let passed = 0;
  let ignored = 0;
  const failures: CaseResult[] = [];
  for await (const result of results) {
    if (result.outcome === 'passed') passed += 1;
    else if (result.outcome === 'ignored') ignored += 1;
    else failures.push(result);
    onResult(result);
  }
  return { passed, failures, ignored };
}

/** The directory of the root package.json, from sources and from the build alike. */
export function repositoryRoot(): string {
  let dir = import.meta.dirname;
  while (statSync(join(dir, 'tsconfig.base.json'), { throwIfNoEntry: false }) === undefined) dir = dirname(dir);
  return dir;
}
