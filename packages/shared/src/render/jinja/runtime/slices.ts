import { PyTuple, type Value } from '../../../values/index.ts';
import { spend } from './effort.ts';
import { typeError, valueError } from './fault.ts';
import { characters, hasSurrogates } from './iterate.ts';
import { index } from './operands.ts';
import { Markup, PyRange, typeName } from './types.ts';

/** Python's `value[start:stop:step]`; undefined for what cannot be sliced. */
export function slice(value: unknown, start: unknown, stop: unknown, step: unknown): unknown {
  if (typeof value === 'string') return sliceText(value, start, stop, step);
  if (value instanceof Markup) return new Markup(sliceText(value.text, start, stop, step));
  if (Array.isArray(value)) return pick(value, start, stop, step);
  if (value instanceof PyTuple) return new PyTuple(pick(value.items, start, stop, step) as Value[]);
  if (value instanceof Uint8Array) return new Uint8Array(pick([...value], start, stop, step) as number[]);
  if (value instanceof PyRange) return sliceRange(value, start, stop, step);
  return undefined;
}

function sliceRange(range: PyRange, start: unknown, stop: unknown, step: unknown): PyRange {
  const by = bound(step) ?? 1;
  const picked = pick([...range], start, stop, step) as number[];
  const first = picked[0] ?? range.start;
  return new PyRange(first, first + picked.length * by * range.step, by * range.step);
}

function sliceText(text: string, start: unknown, stop: unknown, step: unknown): string {
  const by = bound(step) ?? 1;
  if (by !== 1 || hasSurrogates(text)) return (pick(characters(text), start, stop, step) as string[]).join('');
  spend(text.length / 4);
  // Without surrogates JavaScript counts as Python does.
  return text.slice(bound(start) ?? 0, bound(stop) ?? text.length);
}

function pick(items: readonly unknown[], start: unknown, stop: unknown, step: unknown): unknown[] {
  const by = bound(step) ?? 1;
  if (by === 0) throw valueError('slice step cannot be zero');
  const size = items.length;
  const clamp = (value: number, low: number, high: number): number =>
    Math.min(Math.max(value < 0 ? value + size : value, low), high);
  const [low, high] = by > 0 ? [0, size] : [-1, size - 1];
  const from = bound(start);
  const to = bound(stop);
  const first = from === undefined ? (by > 0 ? 0 : size - 1) : clamp(from, low, high);
  const last = to === undefined ? (by > 0 ? size : -1) : clamp(to, low, high);
  if (by === 1) return items.slice(first, Math.max(first, last));
  const picked: unknown[] = [];
  for (let at = first; by > 0 ? at < last : at > last; at += by) picked.push(items[at]);
  return picked;
}

function bound(value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    if (typeof value !== 'number' || Number.isInteger(value)) return index(value);
  }
  throw typeError('slice indices must be integers or None or have an __index__ method');
}

/** The element of a sequence at an index that may count from the end; undefined when there is none. */
export function elementAt(value: unknown, at: number): unknown {
  if (Array.isArray(value)) return value[at < 0 ? at + value.length : at];
  if (value instanceof PyTuple) return value.items[at < 0 ? at + value.items.length : at];
  if (typeof value === 'string' || value instanceof Markup) {
    const character = characterAt(typeof value === 'string' ? value : value.text, at);
    return character !== undefined && value instanceof Markup ? new Markup(character) : character;
  }
  if (value instanceof PyRange) {
    const offset = at < 0 ? at + value.length : at;
    return offset >= 0 && offset < value.length ? value.at(offset) : undefined;
  }
  if (value instanceof Uint8Array) return value[at < 0 ? at + value.length : at];
  throw typeError(`'${typeName(value)}' object is not subscriptable`);
}

function characterAt(text: string, at: number): string | undefined {
  if (!hasSurrogates(text)) return text[at < 0 ? at + text.length : at];
  const all = characters(text);
  return all[at < 0 ? at + all.length : at];
}
