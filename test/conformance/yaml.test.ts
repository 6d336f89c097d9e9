import { join } from 'node:path';
import { expect, test } from 'vitest';
import { group } from './groups/yaml.ts';
import { repositoryRoot, runGroup } from './runner.ts';

test('yaml: every conformance case passes', async () => {
  const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/yaml'));
  expect(summary.failures).toEqual([]);
  expect(summary.passed).toBeGreaterThan(0);
});
