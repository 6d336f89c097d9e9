import { EdgeError, type JsonObject, type JsonValue, Secret, type SecretType } from '../kernel/index.ts';
import { PyMap } from './map.ts';
import { PySet } from './set.ts';
import { integer, PyDate, PyFloat, PyTuple, type Value } from './values.ts';

/*
 * The one JSON form of a Value, on bus and journal and in the conformance cases: plain JSON, plus
 * {"$float":"1.5"}, {"$int":"…"} beyond 2^53, {"$bytes":hex}, {"$set":[…]}, {"$tuple":[…]}, {"$datetime":iso},
 * {"$secret":text} ({"$secret":[type, text, part…]} for what is no text, or secret in parts only), `$key:<json>` for a key that is not a string, and {"$map":[[key,value]…]} where a plain object
 * would lose the order of its keys ("628") or be mistaken for one of these forms.
 */

const INTEGER_LIKE = /^(?:0|[1-9]\d*)$/;
const KEY_PREFIX = '$key:';
const SECRET_TYPES: ReadonlySet<string> = new Set<SecretType>(['text', 'integer', 'float', 'boolean']);

/** What a secret becomes when it is encoded. */
export interface EncodeOptions {
  /** `sealed` (default) writes `[secret]`; `revealed` keeps the text, for channels that end at its rightful reader. */
  readonly secrets?: 'sealed' | 'revealed';
}

/** The JSON form of `value`. */
export function encodeValue(value: Value, options: EncodeOptions = {}): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? value : { $float: floatText(value) };
  if (typeof value === 'bigint') return { $int: value.toString() };
  if (value instanceof PyFloat) return { $float: floatText(value.value) };
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, options));
  if (value instanceof PyTuple) return { $tuple: value.items.map((item) => encodeValue(item, options)) };
  if (value instanceof PyMap) return encodeMap(value, options);
  if (value instanceof PySet) return { $set: [...value].map((item) => encodeValue(item, options)) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') };
  if (value instanceof PyDate) return { $datetime: value.iso };
  return options.secrets === 'revealed' ? { $secret: revealed(value) } : value.toJSON();
}

/** The value an encoding stands for. @throws EdgeError `EDGE_BAD_ARGUMENT` on a form nobody writes. */
export function decodeValue(json: JsonValue): Value {
  if (json === null || typeof json === 'boolean' || typeof json === 'string') return json;
  if (typeof json === 'number') return json;
  if (Array.isArray(json)) return json.map(decodeValue);
  const object = json as JsonObject;
  const keys = Object.keys(object);
  if (keys.length === 1 && keys[0]!.startsWith('$') && !keys[0]!.startsWith(KEY_PREFIX)) {
    return decodeTagged(keys[0]!, object[keys[0]!]!);
  }
  const map = new PyMap();
  for (const key of keys) map.set(decodeKey(key), decodeValue(object[key]!));
  return map;
}

function encodeMap(map: PyMap, options: EncodeOptions): JsonValue {
  const object: Record<string, JsonValue> = {};
  for (const [key, value] of map) {
    const name = encodeKey(key);
    if (name === undefined || INTEGER_LIKE.test(name) || name === '__proto__') return encodePairs(map, options);
    object[name] = encodeValue(value, options);
  }
  const only = map.size === 1 ? [...map.keys()][0] : undefined;
  return typeof only === 'string' && only.startsWith('$') ? encodePairs(map, options) : object;
}

function encodePairs(map: PyMap, options: EncodeOptions): JsonValue {
  return { $map: [...map].map(([key, value]) => [encodeValue(key, options), encodeValue(value, options)]) };
}

function encodeKey(key: Value): string | undefined {
  if (typeof key === 'string') return key.startsWith(KEY_PREFIX) ? undefined : key;
  return KEY_PREFIX + JSON.stringify(encodeValue(key));
}

function decodeKey(key: string): Value {
  return key.startsWith(KEY_PREFIX) ? decodeValue(JSON.parse(key.slice(KEY_PREFIX.length)) as JsonValue) : key;
}

function decodeTagged(tag: string, content: JsonValue): Value {
  switch (tag) {
    case '$float':
      return parseFloatText(String(content));
    case '$int':
      return integer(BigInt(String(content)));
    case '$bytes':
      return new Uint8Array(Buffer.from(String(content), 'hex'));
    case '$set':
      return new PySet((content as JsonValue[]).map(decodeValue));
    case '$tuple':
      return new PyTuple((content as JsonValue[]).map(decodeValue));
    case '$datetime':
      return new PyDate(String(content).length > 10 ? 'datetime' : 'date', String(content));
    case '$secret':
      return decodeSecret(content);
    case '$map':
      return new PyMap((content as [JsonValue, JsonValue][]).map(([k, v]) => [decodeValue(k), decodeValue(v)]));
    default:
      return new PyMap([[tag, decodeValue(content)]]);
  }
}

function revealed(secret: Secret): JsonValue {
  const parts = secret.revealParts();
  if (secret.type === 'text' && parts.length === 0) return secret.reveal();
  return [secret.type, secret.reveal(), ...parts];
}

function decodeSecret(content: JsonValue): Secret {
  if (!Array.isArray(content)) return new Secret(String(content));
  const [type, text, ...parts] = content as readonly JsonValue[];
  if (!SECRET_TYPES.has(String(type))) throw new EdgeError('EDGE_BAD_ARGUMENT', `no type of secret: ${String(type)}`);
  return new Secret(String(text), type as SecretType, parts.map(String));
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : String(value);
}

function parseFloatText(text: string): number | PyFloat {
  const named: Record<string, number> = {
    nan: Number.NaN,
    inf: Number.POSITIVE_INFINITY,
    '-inf': Number.NEGATIVE_INFINITY,
  };
  const value = named[text] ?? Number(text);
  if (Number.isNaN(value) && text !== 'nan') throw new EdgeError('EDGE_BAD_ARGUMENT', `not a float: ${text}`);
  return Number.isInteger(value) ? new PyFloat(value) : value;
}
