import { createHmac } from 'node:crypto';
import { type Diagnostic, type JsonValue, Secret } from '@edge-run/shared/kernel';
import type { Chunk } from '@edge-run/shared/state';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';

/** What a sealed value is written as. */
const SEALED = new Secret('').toJSON();
const FOR_HOSTS =
  'Let the host that needs it read its own pillar: in a state (salt.state), or in a call that is rendered there ' +
  '(kwarg: {template: jinja}, with the expression between {% raw %} and {% endraw %}).';

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

/**
 * Errors for steps that `[secret]` stands in: their templates wrote a secret of the pillar, which they are not given, and
 * a host would take that text for the secret.
 */
export function secretProblems(chunks: readonly Chunk[], pillar: PyMap): readonly Diagnostic[] {
  if (secretsIn(pillar, []).length === 0) return [];
  return chunks.flatMap((chunk) => {
    const words = [['name', chunk.name] as const, ...chunk.args].flatMap(([word, value]) =>
      holdsSealed(value) ? [String(word)] : [],
    );
    return [...new Set(words)].map((word) => secretProblem(chunk, word));
  });
}

function secretProblem({ id, place }: Chunk, word: string): Diagnostic {
  return {
    severity: 'error',
    code: 'EDGE_SECRET_IN_STEP',
    summary: `\`${word}\` of ${id} needs a secret of the pillar, which an orchestration is not given`,
    detail: FOR_HOSTS,
    ...(place === undefined ? {} : { source: place }),
  };
}

function holdsSealed(value: Value): boolean {
  if (typeof value === 'string') return value.includes(SEALED);
  if (value instanceof PyMap) return [...value].some(([key, item]) => holdsSealed(key) || holdsSealed(item));
  return value instanceof Secret || (Array.isArray(value) && value.some(holdsSealed));
}

function secretsIn(value: Value, path: readonly string[]): readonly (readonly [path: string, text: JsonValue])[] {
  if (value instanceof Secret) return [[path.join('\0'), encodeValue(value, { secrets: 'revealed' })]];
  if (value instanceof PyMap) return [...value].flatMap(([key, item]) => secretsIn(item, [...path, String(key)]));
  return Array.isArray(value) ? value.flatMap((item, index) => secretsIn(item, [...path, String(index)])) : [];
}
