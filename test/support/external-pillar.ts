import { fromPlain, type PyMap, revealValue, toPlain } from '@edge-run/shared/values';
import { expect } from 'vitest';
import { type TestPillar, testPillars } from './compile-pillar.ts';

/** Facts of the host the pillars are for. */
export const GRAINS = { os: 'Debian', roles: ['web', 'db'], role: 'web' };

/** A pillar, and the host it is for. */
export interface Asked extends TestPillar {
  readonly id?: string;
  readonly pillarenv?: string;
  readonly grains?: object;
}

/** The pillar of a host, and what was wrong with it. */
export async function compileFor({ id = 'web1', pillarenv, grains = GRAINS, ...pillar }: Asked) {
  const { value, diagnostics, layers } = await testPillars(pillar)({
    id,
    grains: fromPlain(grains) as PyMap,
    pillarenv,
    layers: true,
  });
  return {
    value,
    data: value && toPlain(revealValue(value)),
    problems: diagnostics.map(({ code, summary }) => [code, summary]),
    layers,
  };
}

/** What one source gives. */
export async function given(entry: Readonly<Record<string, unknown>>, more: Asked = {}) {
  const { data, problems } = await compileFor({ entries: [entry], ...more });
  expect(problems).toEqual([]);
  return data;
}
