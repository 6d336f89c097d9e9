import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { group } from './groups/lowstate.ts';
import { repositoryRoot, runGroup } from './runner.ts';

describe('lowstate', () => {
  it('agrees with Salt on every case', { timeout: 60_000 }, async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/lowstate'));
    expect(summary.failures).toEqual([]);
    expect(summary.passed).toBe(109);
  });
});
