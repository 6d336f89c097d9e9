import { checkReactorConfig, matchReactors, type ReactorConfig } from '@edge-run/shared/orchestration';
import { describe, expect, it } from 'vitest';

describe('matchReactors', () => {
  const config: ReactorConfig = [
    { 'app/*': ['a.sls', 'b.sls'] },
    { 'app/[!x]*': ['c.sls'], other: ['left-out.sls'] },
    { 'app/deploy/done': ['a.sls'] },
  ];

  it('gives the files of every rule that matches, in order', () => {
    expect(matchReactors(config, 'app/deploy/done')).toEqual(['a.sls', 'b.sls', 'a.sls']);
    expect(matchReactors(config, 'App/deploy')).toEqual([]);
  });

  it('says which entries are left out', () => {
    expect(checkReactorConfig(config).map(({ summary }) => summary)).toEqual([
      'reactor: entry 2 has several tags (app/[!x]*, other) and is left out',
    ]);
    expect(matchReactors(config, 'other')).toEqual([]);
  });
});
