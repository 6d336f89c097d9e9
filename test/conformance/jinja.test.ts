import { join } from 'node:path';
import { expect, test } from 'vitest';
import { group } from './groups/jinja.ts';
import { repositoryRoot, runGroup } from './runner.ts';

test('jinja: renders every case as Jinja2 does under Salt', { timeout: 60_000 }, async () => {
  const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/jinja'));
  expect(summary.failures).toEqual([]);
  expect(summary.passed).toBeGreaterThan(1000);
});
