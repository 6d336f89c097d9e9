import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { group } from './groups/tree.ts';
import { repositoryRoot, summarise } from './runner.ts';

const TREES = join(repositoryRoot(), 'test/conformance/trees');

test('tree: renders every file of a tree as Jinja2 does under Salt', async () => {
  const summary = await summarise(group.runManifest(join(TREES, 'manifest.json'), TREES));
  expect(summary.failures).toEqual([]);
  expect(summary.passed).toBe(11);
});

test('tree: a text that differs and an error that does not come are failures', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edge-tree-'));
  try {
    const file = { id: 'a.sls', repo: 'none', sls: 'a', roots: ['.'] };
    const cases = [
      { ...file, expected: '1\n3\n' },
      { ...file, error: { class: 'UndefinedError', message: 'x' } },
      { ...file, expected: '1\n2\n' },
    ];
    writeFileSync(join(dir, 'a.sls'), '1\n{{ 1 + 1 }}\n');
    writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ cases }));
    const { passed, failures } = await summarise(group.runManifest(join(dir, 'manifest.json'), dir));
    expect(passed).toBe(1);
    expect(failures.map(({ difference }) => difference)).toEqual([
      'line 2\n  expected "3"\n  got      "2"',
      'expected an error: UndefinedError: x',
    ]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
