import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { group } from './groups/pillar.ts';
import { repositoryRoot, runGroup } from './runner.ts';

describe('pillar', () => {
  it('agrees with Salt on every case', async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/pillar'));
    expect(summary.failures).toEqual([]);
    expect(summary.passed).toBe(62);
    expect(summary.ignored).toBe(1);
  });
});
