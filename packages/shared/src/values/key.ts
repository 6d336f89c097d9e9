import { EdgeError } from '../kernel/index.ts';
import { PyDate, PyFloat, PyTuple, type Value } from './values.ts';

/** What stands for a key inside a JavaScript `Map`: equal exactly when Python calls the keys equal. */
export type KeyIdentity = string | number | bigint | null;

const TAG = '\u0000';

/**
 * The identity of a hashable value: `1`, `True` and `1.0` share one, as in Python.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for lists, mappings and sets, which Python cannot hash.
 */
export function keyIdentity(key: Value): KeyIdentity {
  if (typeof key === 'string') return key.startsWith(TAG) ? `${TAG}s${key}` : key;
  if (typeof key === 'number' || typeof key === 'bigint' || key === null) return key;
  if (typeof key === 'boolean') return key ? 1 : 0;
  if (key instanceof PyFloat) return key.value === 0 ? 0 : key.value;
  if (key instanceof PyTuple) {
    return `${TAG}t${JSON.stringify(key.items.map((item) => tagged(keyIdentity(item))))}`;
  }
  if (key instanceof Uint8Array) return `${TAG}b${Buffer.from(key).toString('hex')}`;
  if (key instanceof PyDate) return `${TAG}d${key.iso}`;
  throw new EdgeError('EDGE_BAD_ARGUMENT', `unhashable type used as a mapping key: ${key.constructor.name}`);
}

function tagged(identity: KeyIdentity): string {
  return `${typeof identity}:${String(identity)}`;
}
