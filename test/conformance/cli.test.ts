import { join } from 'node:path';
import { expect, test } from 'vitest';
import { group } from './groups/cli.ts';
import { repositoryRoot, runGroup } from './runner.ts';

test('cli: every conformance case of the words of a call passes', async () => {
  const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/cli'));
  expect(summary.failures).toEqual([]);
  expect(summary.passed).toBeGreaterThan(100);
});
