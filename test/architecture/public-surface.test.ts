import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../conformance/runner.ts';
import { packageSources, type SourceFile, trackedPaths } from './source-text.ts';

const sources = packageSources().filter(({ path }) => !path.endsWith('.d.ts'));

/** What no file may say; spelled so that this file does not say it. */
const FORBIDDEN: readonly RegExp[] = [
  /\/wor[k]\/(?!.*\.example)/,
  /\bTOD[O]\b|\bFIXM[E]\b/,
  /\bClaud[e]\b|\bAnthropi[c]\b|\bChatGP[T]\b|\bLL[M]s?\b|\blanguage mode[l]\b/,
];

describe('public surface', () => {
  it('reads the sources', () => expect(sources.length).toBeGreaterThan(200));

  it('exports names, never a default and never everything', () => {
    expect(sources.flatMap(exportProblems)).toEqual([]);
  });

  it('has a docstring on every exported declaration', () => {
    expect(sources.flatMap(undocumented)).toEqual([]);
  });

  it('has file and folder names in kebab-case', () => {
    const isKebab = (name: string): boolean => /^[a-z0-9]+(-[a-z0-9]+)*(\.d)?(\.ts)?$/.test(name);
    const wrong = packageSources().filter(({ path }) => !path.split('/').slice(3).every(isKebab));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('says nothing about machines, unfinished work or how it was written', () => {
    const paths = trackedPaths().filter(isText);
    expect(paths.length).toBeGreaterThan(300);
    const wrong = paths.flatMap((path) => forbiddenIn({ path, text: readText(path) }));
    expect(wrong).toEqual([]);
  });
});

describe('the check itself', () => {
  const problems = (text: string): readonly string[] => exportProblems({ path: 'a/index.ts', text });

  it('finds `export *` and a default export', () => {
    expect(problems("export * from './b.ts';")).toEqual(['a/index.ts: export *']);
    expect(problems('export default 1;')).toEqual(['a/index.ts: export default']);
    expect(problems("export { default } from './b.ts';")).toEqual(['a/index.ts: export default']);
    expect(problems("export { a, type B } from './b.ts';")).toEqual([]);
  });

  it('finds an export without a docstring', () => {
    const names = (text: string): readonly string[] => undocumented({ path: 'a.ts', text });
    expect(names('export const a = 1;')).toEqual(['a.ts: a']);
    expect(names('// no docstring\nexport interface A {}')).toEqual(['a.ts: A']);
    expect(names('/** Of b. */\nconst b = 1;\nexport function c(): void {}')).toEqual(['a.ts: c']);
    expect(names('/** One. */\nexport class A {}\n/** Two. */\nexport const b = 1;')).toEqual([]);
  });

  it('lets a type stand behind its schema', () => {
    const text = '/** A. */\nexport const a = z.object({});\nexport type A = z.infer<typeof a>;';
    expect(undocumented({ path: 'a.ts', text })).toEqual([]);
  });

  it('finds a path of a machine', () => {
    expect(forbiddenIn({ path: 'a.md', text: `see /wor${'k'}/main` })).toHaveLength(1);
    expect(forbiddenIn({ path: 'a.md', text: 'see docs/work.md and framework/main' })).toEqual([]);
  });
});

function exportProblems({ path, text }: SourceFile): readonly string[] {
  const { module } = parsed(path, text);
  return module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ importName, exportName }) => {
      if (importName.kind === 'All' || importName.kind === 'AllButDefault') return [`${path}: export *`];
      return exportName.kind === 'Default' || exportName.name === 'default' ? [`${path}: export default`] : [];
    }),
  );
}

/** Exported declarations without a docstring right before them. Re-exports have theirs where they are declared. */
function undocumented({ path, text }: SourceFile): readonly string[] {
  const { program, comments } = parsed(path, text);
  const docEnds = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*')).map(({ end }) => end);
  const hasDoc = (start: number): boolean =>
    docEnds.some((end) => end <= start && text.slice(end, start).trim() === '');
  const documented = new Set<string>();
  return program.body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration' || statement.declaration === null) return [];
    const { declaration } = statement;
    const names =
      declaration.type === 'VariableDeclaration'
        ? declaration.declarations.map(({ id }) => text.slice(id.start, id.end).split(':')[0]!)
        : 'id' in declaration && declaration.id !== null && declaration.id.type === 'Identifier'
          ? [declaration.id.name]
          : [];
    const [name = ''] = names;
    const schema = /= z\s*\.(?:infer|input|output)<typeof (\w+)>;?$/.exec(
      text.slice(statement.start, statement.end),
    )?.[1];
    const isKnown = hasDoc(statement.start) || documented.has(name) || (schema !== undefined && documented.has(schema));
    if (isKnown) for (const one of names) documented.add(one);
    return isKnown ? [] : names.map((one) => `${path}: ${one}`);
  });
}

function forbiddenIn({ path, text }: SourceFile): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      FORBIDDEN.filter((word) => word.test(line)).map(() => `${path}:${index + 1}: ${line.trim().slice(0, 100)}`),
    );
}

/** Recorded data is not ours to word; lock files and binaries say nothing. */
function isText(path: string): boolean {
  return (
    !path.startsWith('test/conformance/cases/') &&
    basename(path) !== 'package-lock.json' &&
    /\.(ts|js|mjs|json|md|yaml|sls|jinja|cfg|conf|sh|css|html|tsx)$|^[^.]+$/.test(basename(path))
  );
}

function readText(path: string): string {
  try {
    return readFileSync(join(repositoryRoot(), path), 'utf8');
  } catch {
    return ''; // deleted and not yet committed, or a link to nowhere
  }
}

function parsed(path: string, text: string): ReturnType<typeof parseSync> {
  const result = parseSync(path, text);
  if (result.errors.length > 0) throw new Error(`${path}: ${result.errors[0]!.message}`);
  return result;
}
