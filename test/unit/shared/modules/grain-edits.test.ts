import { appendToGrain, editGrain, type GrainEdit, removeFromGrain } from '@edge-run/shared/modules/text';
import { fromPlain, PyMap, toPlain, traverse, type Value } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const grains = fromPlain({
  role: 'web',
  nothing: null,
  roles: ['web', { db: 1 }],
  app: { tier: 'front', list: ['a'] },
}) as PyMap;
const reading =
  (facts: PyMap) =>
  (path: string): Value | undefined =>
    traverse(facts, path);
const read = reading(grains);

const shown = (edit: GrainEdit): unknown =>
  edit.kind === 'set' ? { [edit.key]: toPlain(edit.value) } : `${edit.kind}: ${edit.comment}`;
const options = { force: false, destructive: false, delimiter: ':' };

describe('editGrain', () => {
  test.each<[string, unknown, Partial<typeof options>, unknown]>([
    ['role', 'db', {}, { role: 'db' }],
    ['role', 'web', {}, 'same: Grain is already set'],
    ['new', { a: 1 }, {}, { new: { a: 1 } }],
    ['nothing', ['a'], {}, { nothing: ['a'] }],
    [
      'role',
      ['a'],
      {},
      "refused: The key 'role' exists and the given value is a dict or a list. Use 'force=True' to overwrite.",
    ],
    ['app', 'x', {}, "refused: The key 'app' exists but is a dict or a list. Use 'force=True' to overwrite."],
    ['app', 'x', { force: true }, { app: 'x' }],
    ['app:tier', 'back', {}, { app: { tier: 'back', list: ['a'] } }],
    ['app:new:deep', 1, {}, { app: { tier: 'front', list: ['a'], new: { deep: 1 } } }],
    ['app:tier', null, { destructive: true }, { app: { list: ['a'] } }],
    ['gone', null, { destructive: true }, 'same: Grain is already set'],
    ['roles:web', 1, {}, { roles: [{ web: 1 }, { db: 1 }] }],
    ['roles:new', 1, {}, { roles: ['web', { db: 1 }, { new: 1 }] }],
    ['role:web', 1, {}, { role: { web: 1 } }],
    [
      'role:other',
      1,
      {},
      "refused: The key 'role' value is 'web', which is different from the provided key 'other'. Use 'force=True' to overwrite.",
    ],
    ['role:other', 1, { force: true }, { role: { other: 1 } }],
  ])('%s to %j with %j', (path, value, given, expected) => {
    expect(shown(editGrain(read, path, fromPlain(value), { ...options, ...given }))).toEqual(expected);
  });

  test('what was set is what is read there afterwards, whatever was there', () => {
    const key = fc.constantFrom('role', 'roles', 'app', 'tier', 'x');
    const path = fc.array(key, { minLength: 1, maxLength: 4 }).map((keys) => keys.join(':'));
    fc.assert(
      fc.property(path, fc.constantFrom('web', 1, true), (at, value) => {
        const edit = editGrain(read, at, value, { ...options, force: true });
        fc.pre(edit.kind === 'set');
        if (edit.kind !== 'set') return;
        const after = new PyMap([...grains, [edit.key, edit.value]]);
        expect(reading(after)(at)).toEqual(value);
      }),
    );
  });
});

describe('lists', () => {
  const append = (path: string, value: unknown, convert = false): unknown =>
    shown(appendToGrain(read, path, fromPlain(value), { convert, delimiter: ':' }));
  test('append', () => {
    expect(append('roles', 'db')).toEqual({ roles: ['web', { db: 1 }, 'db'] });
    expect(append('roles', 'web')).toBe('same: The val web was already in the list roles');
    expect(append('role', 'db')).toBe('refused: The key role is not a valid list');
    expect(append('role', 'db', true)).toEqual({ role: ['web', 'db'] });
    expect(append('app:list', 'b')).toEqual({ app: { tier: 'front', list: ['a', 'b'] } });
    expect(append('fresh', 1)).toEqual({ fresh: [1] });
  });
  test('remove', () => {
    const remove = (path: string, value: unknown): unknown => shown(removeFromGrain(read, path, fromPlain(value), ':'));
    expect(remove('roles', 'web')).toEqual({ roles: [{ db: 1 }] });
    expect(remove('roles', 'none')).toBe('same: The val none was not in the list roles');
    expect(remove('role', 'web')).toBe('refused: The key role is not a valid list');
    expect(remove('app:list', 'a')).toEqual({ app: { tier: 'front', list: [] } });
  });
  test('the grains themselves are never changed', () => {
    expect(toPlain(grains)).toMatchObject({ roles: ['web', { db: 1 }], app: { tier: 'front', list: ['a'] } });
  });
});
