import { testStates } from '@edge-run/shared/modules/states';
import type { PyMap } from '@edge-run/shared/values';
import { expect, test } from 'vitest';
import { byName, runFiles } from '../../../support/state-files.ts';

const states = byName(...testStates);

/** `run number key: result` of every return, and its comment where asked. */
function shown(returns: PyMap): readonly string[] {
  return [...returns].map(
    ([key, value]) => `${(value as PyMap).get('__run_num__')} ${key}: ${(value as PyMap).get('result')}`,
  );
}

function comment(returns: PyMap, key: string): string {
  return String((returns.get(key) as PyMap).get('comment'));
}

test('runPlan: requisites run first, in the order Salt takes', async () => {
  const { returns, succeeded } = await runFiles(
    {
      'a.sls': `
c: {test.nop: [{require: [{test: b}]}]}
b: {test.nop: [{require: [{test: a}]}]}
a: {test.fail_without_changes: []}
`,
    },
    states,
  );
  expect(shown(returns)).toEqual([
    '0 test_|-a_|-a_|-fail_without_changes: false',
    '1 test_|-b_|-b_|-nop: false',
    '2 test_|-c_|-c_|-nop: false',
  ]);
  expect(comment(returns, 'test_|-b_|-b_|-nop')).toBe('One or more requisite failed: a.a');
  expect(succeeded).toBe(false);
});

test('runPlan: a listener reacts at the end, once, under a key of its own', async () => {
  const { returns } = await runFiles(
    {
      'a.sls': `
l: {test.nop: [{listen: [{test: x}, {test: y}]}]}
x: {test.succeed_with_changes: []}
y: {test.succeed_with_changes: []}
`,
    },
    states,
  );
  expect(shown(returns)).toEqual([
    '0 test_|-l_|-l_|-nop: true',
    '1 test_|-x_|-x_|-succeed_with_changes: true',
    '2 test_|-y_|-y_|-succeed_with_changes: true',
    '3 test_|-listener_l_|-l_|-mod_watch: true',
  ]);
});
