import type { JsonValue } from '@edge-run/shared/kernel';
import { parseJson } from '@edge-run/shared/render';
import { decodeValue, PyMap, type Value } from '@edge-run/shared/values';

/**
 * Reads a conformance value whose mappings must keep the order of integer-like keys, which `JSON.parse` loses. The
 * text is JSON in the conformance encoding.
 */
export function readOrdered(text: string): Value {
  const parsed = parseJson(text);
  if (parsed === undefined) throw new Error(`not JSON: ${text.slice(0, 80)}`);
  return decodeOrdered(parsed);
}

function decodeOrdered(value: Value): Value {
  if (Array.isArray(value)) return value.map(decodeOrdered);
  if (!(value instanceof PyMap)) return value;
  const keys = [...value.keys()];
  const [only] = keys;
  if (keys.length === 1 && typeof only === 'string' && only.startsWith('$') && !only.startsWith('$key:')) {
    return decodeValue(toJson(value));
  }
  const decoded = new PyMap();
  for (const [key, item] of value) {
    const isTagged = typeof key === 'string' && key.startsWith('$key:');
    decoded.set(isTagged ? decodeValue(JSON.parse(key.slice(5)) as JsonValue) : key, decodeOrdered(item));
  }
  return decoded;
}

function toJson(value: Value): JsonValue {
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof PyMap) return Object.fromEntries([...value].map(([key, item]) => [String(key), toJson(item)]));
  return value as JsonValue;
}
