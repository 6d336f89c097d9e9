import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { group } from './groups/match.ts';
import { repositoryRoot, runGroup } from './runner.ts';

describe('match', () => {
  it('agrees with Salt on every case', async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/match'));
    expect(summary.failures).toEqual([]);
    expect(summary.passed).toBe(240);
  });
});
