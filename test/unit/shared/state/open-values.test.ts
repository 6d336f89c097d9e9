import { isLate, isOpen } from '@edge-run/shared/state';
import { fromPlain, type Value } from '@edge-run/shared/values';
import { expect, test } from 'vitest';

const MARK = '⟦steps.build.only⟧';
const SLOT = '__slot__:salt:test.echo(a)';

test.each<[string, Value, { open: boolean; late: boolean }]>([
  ['a text', 'a', { open: false, late: false }],
  ['a number', 3, { open: false, late: false }],
  ['a result', `v${MARK}`, { open: true, late: true }],
  ['a slot', SLOT, { open: true, late: false }],
  ['a text that speaks of a slot', `see ${SLOT}`, { open: false, late: false }],
  ['a slot in a mapping in a list', fromPlain([{ a: [SLOT] }]), { open: true, late: false }],
  ['a result in a mapping', fromPlain({ a: { b: MARK } }), { open: true, late: true }],
  ['nothing of both', fromPlain({ a: ['b', 3, null] }), { open: false, late: false }],
])('%s', (_, value, { open, late }) => {
  expect([isOpen(value), isLate(value)]).toEqual([open, late]);
});
