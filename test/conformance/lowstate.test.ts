import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { group } from './groups/lowstate.ts';
import { repositoryRoot, runGroup } from './runner.ts';

/** Cases that cannot pass yet, and why. */
const WAITING: Readonly<Record<string, string>> = {
  top_empty: 'state.show_lowstate of execute refuses where no top file matches',
  top_no_match: 'state.show_lowstate of execute refuses where no top file matches',
};

describe('lowstate', () => {
  it('agrees with Salt on every case', { timeout: 60_000 }, async () => {
    const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/lowstate'));
    const failures = summary.failures.filter(({ name }) => !(name in WAITING));
    expect(failures).toEqual([]);
    expect(summary.passed + summary.failures.length).toBe(109);
  });
});
