import { createHmac } from 'node:crypto';
import { type JsonValue, Secret } from '@edge-run/shared/kernel';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';

/** What a sealed value is written as. */
const SEALED = new Secret('').toJSON();

/** Tells whether secrets of a pillar have changed, to who has the key alone; undefined where there are none. */
export function secretsDigest(pillar: PyMap, key: Uint8Array): string | undefined {
  const found = secretsIn(pillar, []);
  if (found.length === 0) return undefined;
  const hmac = createHmac('sha256', key);
  // In the order of their names: that of the files they come from says nothing.
  for (const line of found.map((one) => JSON.stringify(one)).sort()) hmac.update(`${line}\n`);
  return `hmac-sha256:${hmac.digest('hex')}`;
}

/** An override as it may be kept: what lies over a secret of the pillar is one. */
export function sealedAs(pillar: Value | undefined, override: Value): Value {
  if (pillar instanceof Secret) return pillar;
  if (!(pillar instanceof PyMap) || !(override instanceof PyMap)) return override;
  return new PyMap([...override].map(([key, value]) => [key, sealedAs(pillar.get(key), value)]));
}

/** Paths of the values of a kept override that are sealed, so that nobody has them any more: `db:password`. */
export function sealedPaths(override: Value, path: readonly string[] = []): readonly string[] {
  if (override instanceof PyMap)
    return [...override].flatMap(([key, value]) => sealedPaths(value, [...path, String(key)]));
  if (Array.isArray(override)) return override.flatMap((item, index) => sealedPaths(item, [...path, String(index)]));
  return override === SEALED || override instanceof Secret ? [path.join(':')] : [];
}

function secretsIn(value: Value, path: readonly string[]): readonly (readonly [path: string, text: JsonValue])[] {
  if (value instanceof Secret) return [[path.join('\0'), encodeValue(value, { secrets: 'revealed' })]];
  if (value instanceof PyMap) return [...value].flatMap(([key, item]) => secretsIn(item, [...path, String(key)]));
  return Array.isArray(value) ? value.flatMap((item, index) => secretsIn(item, [...path, String(index)])) : [];
}
