import { hasMark } from '../render/index.ts';
import { PyMap, type Value } from '../values/index.ts';

/** What templates know a step's result by. */
export const STEPS_NAME = 'steps';

/** True when a value, or anything in it, is filled in only when the step starts. */
export function isLate(value: Value): boolean {
  if (typeof value === 'string') return hasMark(value);
  if (Array.isArray(value)) return value.some(isLate);
  return value instanceof PyMap && [...value.values()].some(isLate);
}

/** True for a value that is known only once its step runs: it uses a result, or is a slot. */
export function isOpen(value: Value): boolean {
  return isLate(value) || (typeof value === 'string' && value.startsWith('__slot__:'));
}
