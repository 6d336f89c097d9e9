import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { group } from './groups/orch.ts';
import { repositoryRoot, runGroup } from './runner.ts';

describe('orch', () => {
  it('agrees with Salt on every case', { timeout: 120_000 }, async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/orch'));
    expect(summary.failures).toEqual([]);
    expect(summary.passed + summary.ignored).toBe(39);
  });
  it("takes Salt's other words on steps as Salt does", { timeout: 120_000 }, async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/cases/orch'));
    expect(summary.failures).toEqual([]);
    expect(summary.passed).toBe(16);
  });
});
