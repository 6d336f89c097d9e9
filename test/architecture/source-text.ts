import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { repositoryRoot } from '../conformance/runner.ts';

/** A file of the repository. */
export interface SourceFile {
  /** Path below the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** The TypeScript sources of every package. */
export function packageSources(): readonly SourceFile[] {
  return filesBelow('packages', (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path));
}

/** The files below a folder that `wanted` takes; built and installed ones are left out. */
export function filesBelow(folder: string, wanted: (path: string) => boolean): readonly SourceFile[] {
  const root = repositoryRoot();
  const walk = (dir: string): string[] =>
    readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
      if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : walk(join(dir, entry.name));
      return entry.isFile() ? [join(dir, entry.name)] : [];
    });
  return walk(join(root, folder))
    .map((file) => relative(root, file).replaceAll('\\', '/'))
    .filter(wanted)
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** Every file that is, or is about to be, in version control. */
export function trackedPaths(): readonly string[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '-z'],
    {
      cwd: repositoryRoot(),
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return listed.split('\0').filter((path) => path !== '');
}

/** The texts a program says literally: strings, and templates without what is put into them. */
export function literalsOf({ path, text }: SourceFile): readonly string[] {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const literals: string[] = [];
  new Visitor({
    Literal(node) {
      if (typeof node.value === 'string') literals.push(node.value);
    },
    TemplateLiteral(node) {
      literals.push(node.quasis.map(({ value }) => value.cooked ?? value.raw).join('<>'));
    },
  }).visit(program);
  return literals;
}
