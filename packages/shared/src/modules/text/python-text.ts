import { floatText } from '../../render/index.ts';
import { PyDate, PyFloat, type Value } from '../../values/index.ts';

/** A scalar as Python's `str` writes it; undefined for a mapping, a list and bytes. */
export function pythonText(value: Value): string | undefined {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || value instanceof PyFloat)
    return Number.isInteger(value) ? String(value) : floatText(value instanceof PyFloat ? value.value : Number(value));
  if (typeof value === 'string' || typeof value === 'bigint') return String(value);
  return value instanceof PyDate ? value.iso.replace('T', ' ') : undefined;
}
