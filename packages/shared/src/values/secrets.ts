import { Secret } from '../kernel/index.ts';
import { PyMap } from './map.ts';
import { PySet } from './set.ts';
import { float, integer, PyTuple, type Value } from './values.ts';

/** What a secret is for the host it belongs to: text, number or truth value. A number nobody can read stays text. */
function revealSecret(secret: Secret): Value {
  const text = secret.reveal();
  switch (secret.type) {
    case 'text':
      return text;
    case 'boolean':
      return text.toLowerCase() === 'true';
    case 'integer':
      return /^[+-]?\d+$/.test(text) ? integer(BigInt(text)) : text;
    case 'float':
      return text.trim() !== '' && !Number.isNaN(Number(text)) ? float(Number(text)) : text;
  }
}

/**
 * The value with every secret in it revealed, for templates and modules of the host it belongs to. What holds no secret
 * is answered as it is, not copied; so is what a mapping has under a key that is `kept`.
 */
export function revealValue(value: Value, isKept: (key: Value, item: Value) => boolean = () => false): Value {
  if (value instanceof Secret) return revealSecret(value);
  const reveal = (item: Value): Value => revealValue(item, isKept);
  if (value instanceof PyMap) {
    const entries = [...value].map(([key, item]) => [key, isKept(key, item) ? item : reveal(item)] as const);
    return entries.some(([key, item]) => value.get(key) !== item) ? new PyMap(entries) : value;
  }
  if (Array.isArray(value)) {
    const items = value.map(reveal);
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (!(value instanceof PyTuple)) return value;
  const items = value.items.map(reveal);
  return items.some((item, index) => item !== value.items[index]) ? new PyTuple(items) : value;
}

/** Every secret inside a value, keys of mappings included. */
export function secretsIn(value: Value): readonly Secret[] {
  if (value instanceof Secret) return [value];
  if (value instanceof PyMap) return [...value].flatMap(([key, item]) => [...secretsIn(key), ...secretsIn(item)]);
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  if (value instanceof PyTuple) return value.items.flatMap(secretsIn);
  return value instanceof PySet ? [...value].flatMap(secretsIn) : [];
}
