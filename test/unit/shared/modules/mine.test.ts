import type { Mine, MineEntry } from '@edge-run/shared/modules/contract';
import { mineFunctions, testFunctions } from '@edge-run/shared/modules/execution';
import { fromPlain, PyMap, toPlain } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext } from '../../../support/module-context.ts';

interface Sent {
  readonly entries: readonly MineEntry[];
  readonly replaceAll: boolean;
}

async function updated(
  opts: object,
  pillar: object = {},
  kwargs: Readonly<Record<string, unknown>> = {},
): Promise<Sent> {
  const sent: Sent[] = [];
  const mine: Mine = {
    get: async () => new PyMap(),
    update: async (entries, options) => void sent.push({ entries, ...options }),
    remove: async () => {},
  };
  const functions = [...testFunctions, ...mineFunctions];
  const ctx = moduleContext(new FakeHost(), { opts, pillar, functions, extra: { mine } });
  const update = mineFunctions.find(({ name }) => name === 'mine.update')!;
  await callFunction(update, ctx, [], kwargs);
  return sent[0] ?? { entries: [], replaceAll: false };
}

const published = async (functions: unknown, pillar: object = {}): Promise<unknown> =>
  (await updated({ mine_functions: functions }, pillar)).entries.map(({ name, value, allow }) => [
    name,
    toPlain(value),
    ...(allow === undefined ? [] : [allow]),
  ]);

describe('mine_functions', () => {
  test.each<[string, unknown, unknown]>([
    ['a list of names', ['test.ping'], [['test.ping', true]]],
    ['no arguments', { 'test.ping': [] }, [['test.ping', true]]],
    ['nothing', { 'test.ping': null }, [['test.ping', true]]],
    ['positional arguments', { 'test.echo': ['x'] }, [['test.echo', 'x']]],
    ['keyword arguments', { 'test.echo': { text: 'y' } }, [['test.echo', 'y']]],
    ['an alias as a mapping', { said: { mine_function: 'test.echo', text: 'z' } }, [['said', 'z']]],
    ['an alias as a list', { said: [{ mine_function: 'test.echo' }, 'z'] }, [['said', 'z']]],
    ['an alias and keywords in a list', { said: [{ mine_function: 'test.echo' }, { text: 'k' }] }, [['said', 'k']]],
    [
      'who may read it',
      { 'test.echo': ['x', { allow_tgt: 'G@role:db', allow_tgt_type: 'compound' }] },
      [['test.echo', 'x', { target: 'G@role:db', targetType: 'compound' }]],
    ],
    [
      'a list of those who may',
      { 'test.echo': { text: 'x', allow_tgt: ['db1', 'db2'] } },
      [['test.echo', 'x', { target: ['db1', 'db2'], targetType: 'list' }]],
    ],
    ['one that fails, beside one that does not', { 'no.such': [], 'test.ping': [] }, [['test.ping', true]]],
    [
      'the mine itself',
      { again: { mine_function: 'mine.get', tgt: '*', fun: 'x' }, 'test.ping': [] },
      [['test.ping', true]],
    ],
  ])('%s', async (_, functions, expected) => expect(await published(functions)).toEqual(expected));

  test('those of the configuration win over those of the pillar', async () => {
    const pillar = { mine_functions: { 'test.echo': ['pillar'], 'test.ping': [] } };
    expect(await published({ 'test.echo': ['config'] }, pillar)).toEqual([
      ['test.echo', 'config'],
      ['test.ping', true],
    ]);
  });

  test('given ones replace all others, and clear takes the rest back', async () => {
    const given = fromPlain({ 'test.echo': ['now'] });
    const { entries, replaceAll } = await updated(
      { mine_functions: ['test.ping'] },
      {},
      { mine_functions: given, clear: true },
    );
    expect(entries.map(({ name }) => name)).toEqual(['test.echo']);
    expect(replaceAll).toBe(true);
  });

  test.each([
    ['text', 'x'],
    ['a number for arguments', { 'test.ping': 5 }],
    ['a rule that is none', { 'test.ping': { allow_tgt: 5 } }],
  ])(
    '%s is refused by name',
    async (_, functions) =>
      await expect(published(functions)).rejects.toThrow(/^mine_functions: (mine_functions|test.ping) needs/),
  );
});
