import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../conformance/runner.ts';
import {
  checkFile,
  importsOf,
  type Layers,
  MASTER_LAYERS,
  PACKAGES,
  SHARED_LAYERS,
  sourceFiles,
} from './import-rules.ts';

const LAYERS: Readonly<Record<string, Layers>> = { shared: SHARED_LAYERS, master: MASTER_LAYERS };

describe('import directions', () => {
  for (const name of Object.keys(PACKAGES)) {
    it(`${name}: imports point down and only to packages it may use`, () => {
      const root = join(repositoryRoot(), 'packages', name, 'src');
      const files = existsSync(root) ? sourceFiles(root) : [];
      expect(files.length).toBeGreaterThan(0);
      const violations = files.flatMap((file) =>
        checkFile(name, root, file, readFileSync(file, 'utf8'), LAYERS[name] ?? []),
      );
      expect(violations).toEqual([]);
    });
  }
});

describe('the check itself', () => {
  const root = '/p/src';
  const check = (file: string, text: string): readonly string[] =>
    checkFile('shared', root, join(root, file), text, SHARED_LAYERS).map(({ why }) => why);

  it('finds an import that points up', () => {
    expect(check('kernel/a.ts', "import { x } from '../values/index.ts';")).toEqual([
      'kernel stands below or beside values',
    ]);
  });
  it('finds a type import, a re-export and a dynamic import', () => {
    expect(check('values/a.ts', "import type { X } from '../schema/index.ts';")).toHaveLength(1);
    expect(check('values/a.ts', "export { x } from '../schema/index.ts';")).toHaveLength(1);
    expect(check('values/a.ts', "export const x = () => import('../schema/index.ts');")).toHaveLength(1);
  });
  it('finds a package that may not be used', () => {
    expect(check('kernel/a.ts', "import { x } from '@edge-run/master/jobs';")).toEqual([
      'shared may not import master',
    ]);
  });
  it('finds a folder that is in no layer', () => {
    expect(check('utils/a.ts', "import { x } from '../kernel/index.ts';")).toEqual(['the folder utils is in no layer']);
  });
  it('lets an import that points down pass', () => {
    expect(check('values/a.ts', "import { x } from '../kernel/index.ts';")).toEqual([]);
  });
  it('reads every import of a file', () => {
    expect(importsOf('a.ts', "import a from 'a'; export * from 'b'; await import('c'); import 'd';")).toEqual([
      'a',
      'd',
      'b',
      'c',
    ]);
  });
});
