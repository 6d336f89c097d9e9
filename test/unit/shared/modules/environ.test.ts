import { createCatalog } from '@edge-run/shared/execute';
import { expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { moduleContext, runState } from '../../../support/module-context.ts';

const setenv = createCatalog().states.get('environ.setenv')!;
const run = (args: object) => {
  const host = new FakeHost('web1', [['env -0', { stdout: 'LANG=C.UTF-8\0EMPTY=\0PATH=/bin\0' }]]);
  return runState(setenv, moduleContext(host), { ...args });
};

it.each([
  { name: 'LANG', value: 'C.UTF-8' },
  { name: 'all', value: { LANG: 'C.UTF-8', EMPTY: '' } },
  { name: 'EMPTY', value: false },
  { name: 'NONE', value: false, false_unsets: true },
  { name: 'all', value: { LANG: 'C.UTF-8', EMPTY: false, PATH: '/bin' }, clear_all: true },
])('environ.setenv %j is as it is', async (args) => {
  expect(await run(args)).toMatchObject({ result: true, comment: expect.stringContaining('already set') });
});
it.each([
  [{ name: 'LANG', value: 'C' }, 'LANG: '],
  [{ name: 'NONE', value: false }, 'NONE: '],
  [{ name: 'all', value: { LANG: 'C.UTF-8' }, clear_all: true }, 'EMPTY, PATH: '],
])('environ.setenv %j is refused, and says what to do', async (args, names) => {
  const { result, comment } = await run(args);
  expect([result, comment.startsWith(names)]).toEqual([false, true]);
  expect(comment).toContain('Set `env` of the states that need it');
});
