import { Secret } from '../../kernel/index.ts';
import { hasMark } from '../../render/index.ts';
import { PyMap, type Value } from '../../values/index.ts';

/** How a value begins that is only known when the state runs. */
export const SLOT = '__slot__:';

/** True when a value, or anything in it, is a slot. */
export function hasSlot(value: Value): boolean {
  return holdsText(value, isSlot);
}

/** True when a value, or anything in it, uses a result that is filled in when the step starts. */
export function isLate(value: Value): boolean {
  return holdsText(value, hasMark);
}

/** True when a value, or anything in it, is known only when the step runs: it uses a result, or is a slot. */
export function isOpen(value: Value): boolean {
  return holdsText(value, (text) => isSlot(text) || hasMark(text));
}

function isSlot(text: string): boolean {
  return text.startsWith(SLOT);
}

function holdsText(value: Value, isMeant: (text: string) => boolean): boolean {
  if (typeof value === 'string') return isMeant(value);
  if (value instanceof Secret) return isMeant(value.reveal());
  if (Array.isArray(value)) return value.some((item) => holdsText(item, isMeant));
  return value instanceof PyMap && [...value.values()].some((item) => holdsText(item, isMeant));
}
