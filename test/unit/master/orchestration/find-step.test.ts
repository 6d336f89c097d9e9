import { getStepIndex } from '@edge-run/master/orchestration/internal';
import { EdgeError } from '@edge-run/shared/kernel';
import { bareHighData, compile, compileCatalog } from '@edge-run/shared/state';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';

const catalog = { ...compileCatalog(new Map()), hasState: () => true, check: () => ({ value: {}, diagnostics: [] }) };
const high = fromPlain({
  build: { __sls__: 'x', __env__: 'base', test: ['nop', { name: 'deploy' }] },
  deploy: { __sls__: 'x', __env__: 'base', test: ['nop', { name: 'release' }] },
}) as PyMap;
const { chunks } = compile(bareHighData(high), catalog).value!;

describe('a step is found', () => {
  test.each([
    ['by its id, though another one is named so', 'deploy', 1],
    ['by its name', 'release', 1],
    ['by its key', 'test_|-build_|-deploy_|-nop', 0],
  ])('%s', (_, name, index) => {
    expect(getStepIndex('r1', chunks, name)).toBe(index);
  });

  test.each([
    ['biuld', 'did you mean `build`?'],
    ['zzz', 'Its steps: build, deploy.'],
  ])('or what there is instead of %s is said', (name, hint) => {
    const find = (): number => getStepIndex('r1', chunks, name);
    expect(find).toThrow(EdgeError);
    expect(find).toThrow(expect.objectContaining({ code: 'EDGE_BAD_ARGUMENT', hint }));
  });
});
