import { ERROR_CODES } from '@edge-run/shared/kernel';
import { STREAMS } from '@edge-run/shared/protocol';
import { describe, expect, it } from 'vitest';
import { filesBelow, literalsOf, packageSources, type SourceFile } from './source-text.ts';

const TABLE = 'packages/shared/src/kernel/error-codes.ts';

/** Names that look like codes: environment variables, streams and buckets. */
const NOT_CODES: ReadonlySet<string> = new Set([
  ...Object.values(STREAMS).map(({ name }) => name),
  'EDGE_BATCHES',
  'EDGE_JOBS',
  'EDGE_MINE',
  'EDGE_SCHEDULE',
  'EDGE_JOURNAL_OBJECTS',
  'EDGE_SCHEDULE',
  'EDGE_SANDBOX_PROBE',
  'EDGE_CONTEXT',
  'EDGE_HOME',
  'EDGE_NATS_URL',
  'EDGE_CREDENTIALS',
  'EDGE_FACTS',
  'EDGE_LOCKS',
  'EDGE_MASTERS',
  'EDGE_SECRETS',
]);

/** Code → files that name it. */
function codesIn(files: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const file of files) {
    for (const literal of new Set(literalsOf(file))) {
      if (/^EDGE_[A-Z0-9_]+$/.test(literal) && !NOT_CODES.has(literal)) {
        found.set(literal, [...(found.get(literal) ?? []), file.path]);
      }
    }
  }
  return found;
}

/** Codes that are not in the table, with where they stand. */
function unknownCodes(codes: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...codes].filter(([code]) => !(code in ERROR_CODES)).map(([code, files]) => `${code} in ${files.join(', ')}`);
}

describe('error codes', () => {
  const sources = packageSources().filter(({ path }) => path !== TABLE);
  const used = codesIn(sources);

  it('every code in a source is in the table', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(used.size).toBeGreaterThan(20);
    expect(unknownCodes(used)).toEqual([]);
  });

  it('every code of the table is used', () => {
    expect(Object.keys(ERROR_CODES).filter((code) => !used.has(code))).toEqual([]);
  });

  it('every code in a test is in the table', () => {
    const tests = filesBelow('test', (path) => path.endsWith('.ts'));
    expect(unknownCodes(codesIn(tests.filter(({ path }) => path !== 'test/architecture/errors.test.ts')))).toEqual([]);
  });

  it('the table is sorted and its sentences are sentences', () => {
    const codes = Object.keys(ERROR_CODES);
    expect(codes).toEqual([...codes].sort());
    expect(Object.entries(ERROR_CODES).filter(([, sentence]) => !/^[A-Z].*\.$/.test(sentence))).toEqual([]);
  });

  it('every code in a page exists', () => {
    const pages = filesBelow('docs', (path) => path.endsWith('.md'));
    const wrong = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/\bEDGE_[A-Z0-9_]+/g)]
        .map(([code]) => code)
        .filter((code) => !(code in ERROR_CODES) && !isEnvironment(code))
        .map((code) => `${code} in ${path}`),
    );
    expect(pages.length).toBeGreaterThan(3);
    expect(wrong).toEqual([]);
  });

  it('the check itself finds an unknown code and passes over environment variables', () => {
    const text = "const a = 'EDGE_NO_SUCH_CODE'; const b = env['EDGE_HOME']; // 'EDGE_ONLY_A_COMMENT'";
    expect([...codesIn([{ path: 'a.ts', text }]).keys()]).toEqual(['EDGE_NO_SUCH_CODE']);
  });
});

/** Environment variables of the minion are declared beside its configuration, in `EDGE_MINION_ID` and the like. */
function isEnvironment(name: string): boolean {
  return NOT_CODES.has(name) || environment.has(name);
}

const environment: ReadonlySet<string> = new Set(
  filesBelow('packages', (path) => path === 'packages/minion/src/config/config.ts').flatMap(({ text }) =>
    [...text.matchAll(/^ {2}(EDGE_[A-Z_]+):/gm)].map(([, name]) => name!),
  ),
);
