import type { Value } from '../../values/index.ts';

/** A value as keys of states and error texts show it, in Python's words. */
export function shown(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === null ? 'None' : String(value);
}
