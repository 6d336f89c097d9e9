import { float, isFloat, isInteger, PyFloat, type Value } from '../../values/index.ts';
import { shown } from '../high/index.ts';
import type { LowChunk } from './tree.ts';

/** How far beyond every numbered state `order: last` lies. */
const LAST = 1_000_000;

/** Resolves `order` to numbers and sorts by it, then by state, name and function (Salt 3006 state.py, order_chunks). */
export function orderChunks(chunks: readonly LowChunk[]): readonly LowChunk[] {
  for (const { low } of chunks) {
    const order = low.get('order');
    // Salt puts an order that is text behind everything; quotes around a number are a slip, not a wish.
    if (typeof order === 'string' && /^-?\d+$/.test(order)) low.set('order', Number(order));
  }
  const cap = capOf(chunks);
  const keyed = chunks.map((chunk) => {
    const order = orderOf(chunk, cap);
    return { chunk, order, text: tieBreaker(chunk) };
  });
  keyed.sort((a, b) => a.order - b.order || compareText(a.text, b.text));
  return keyed.map(({ chunk }) => chunk);
}

/** The number an `order` stands for, once resolved. */
export function orderNumber(order: Value | undefined): number {
  return order instanceof PyFloat ? order.value : Number(order);
}

function capOf(chunks: readonly LowChunk[]): number {
  let cap = 1;
  for (const { low } of chunks) {
    const order = low.get('order');
    if (order === undefined || !(isInteger(order) || typeof order === 'boolean')) continue;
    const number = Number(order);
    if (number > cap - 1 && number > 0) cap = number + 100;
  }
  return cap;
}

function orderOf({ low }: LowChunk, cap: number): number {
  const written = low.get('order');
  if (written === undefined) {
    low.set('order', cap);
    low.delete('name_order');
    return cap;
  }
  let order = resolved(written, cap);
  let isWhole = !isFloat(written);
  const nameOrder = low.get('name_order');
  if (nameOrder !== undefined) {
    order += Number(nameOrder) / 10_000;
    isWhole = false;
    low.delete('name_order');
  }
  if (order < 0) order += cap + LAST;
  low.set('order', isWhole ? order : float(order));
  return order;
}

function resolved(order: Value, cap: number): number {
  if (isInteger(order) || isFloat(order) || typeof order === 'boolean') return orderNumber(order);
  if (order === 'last') return cap + LAST;
  return order === 'first' ? 0 : cap;
}

function tieBreaker({ low }: LowChunk): string {
  return `${shown(low.get('state')!)}${shown(low.get('name')!)}${shown(low.get('fun')!)}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
