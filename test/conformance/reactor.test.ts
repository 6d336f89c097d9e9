import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { group } from './groups/reactor.ts';
import { repositoryRoot, runGroup } from './runner.ts';

describe('reactor', () => {
  it('agrees with Salt on every case', async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/reactor'));
    expect(summary.failures).toEqual([]);
    expect(summary.passed).toBe(33);
  });
});
