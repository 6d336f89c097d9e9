import { z } from 'zod';
import { EdgeError, Secret } from '../../kernel/index.ts';
import { isFloat, isInteger, PyFloat, PyMap, traverse, type Value } from '../../values/index.ts';
import type { ExternalPillarRequest } from '../compile.ts';
import { mergeMaps } from '../merge.ts';
import { defineExternal } from './contract.ts';
import { VaultClient } from './vault-client.ts';

const conf = z
  .string()
  .regex(/(?:^|\s)path=\S+/, 'wants path=…')
  .describe('`path=secret/{minion}`: what to read.');

const settings = z
  .union([
    conf.transform((text) => ({ conf: text })),
    z.strictObject({
      conf,
      nesting_key: z.string().optional().describe('Key the data is put below.'),
      timeout: z.number().positive().max(3_600).optional().describe('Seconds all paths may take; 30 when absent.'),
    }),
  ])
  .transform((given) => ({ timeout: 30, ...given }) as VaultSettings);

interface VaultSettings {
  readonly conf: string;
  readonly nesting_key?: string;
  readonly timeout: number;
}

/** Paths one pattern may stand for: `{pillar[roles]}` with many roles. */
const MAX_PATHS = 100;

/**
 * Secrets of HashiCorp Vault's or OpenBao's key/value engine, version 1 or 2; every value is a secret. A path where
 * nothing is gives nothing. (Salt 3006 pillar/vault.py.)
 */
export const vault = defineExternal<VaultSettings>({
  name: 'vault',
  summary: 'Secrets of a Vault server; `vault` of the configuration says which.',
  settings,
  create(given, services) {
    if (services.vault === undefined) {
      throw new EdgeError('EDGE_CONFIG_INVALID', 'ext_pillar names vault, and the configuration has no `vault`', {});
    }
    const client = new VaultClient(services.vault);
    const patterns = [...given.conf.matchAll(/(?:^|\s)path=(\S+)/g)].map((match) => match[1]!);
    return {
      timeoutMs: given.timeout * 1000,
      async fetch(request, signal) {
        let data = new PyMap();
        for (const path of patterns.flatMap((pattern) => expandPath(pattern, request))) {
          const found = await client.read(path, signal);
          if (found !== undefined) data = mergeMaps(data, sealed(found) as PyMap, false);
        }
        const { nesting_key: key } = given;
        return { data: key === undefined || data.size === 0 ? data : new PyMap([[key, data]]) };
      },
    };
  },
});

/**
 * The paths a pattern stands for: `{minion}`, `{pillar[a][b]}`, `{grains[a]}`; a list stands for one path per item. None
 * where a value is not there.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for a pattern or value that cannot be a part of a path
 */
export function expandPath(pattern: string, { id, grains, pillar }: ExternalPillarRequest): readonly string[] {
  let paths = [''];
  for (const [index, part] of pattern
    .replace(/^\/+/, '')
    .split(/\{([^{}]*)\}/)
    .entries()) {
    const values = index % 2 === 0 ? [part] : valuesOf(part, { minion: id, grains, pillar }, pattern).map(pathPart);
    paths = paths.flatMap((path) => values.map((value) => path + value));
    if (paths.length > MAX_PATHS)
      throw new EdgeError('EDGE_BAD_ARGUMENT', `${pattern} stands for more than ${MAX_PATHS} paths`);
  }
  return paths;
}

function valuesOf(name: string, known: Readonly<Record<string, Value>>, pattern: string): readonly Value[] {
  const match = /^(minion|pillar|grains)((?:\[[^[\]]+\])*)$/.exec(name);
  const keys = [...(match?.[2] ?? '').matchAll(/\[([^\]]+)\]/g)].map(([, key]) => key!);
  if (match === null || (match[1] === 'minion') !== (keys.length === 0)) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `{${name}} in ${pattern} is not known`,
      {},
      {
        hint: 'Write {minion}, {pillar[key]} or {grains[key]}.',
      },
    );
  }
  const found = keys.length === 0 ? known.minion : traverse(known[match[1]!]!, keys.join('\0'), '\0');
  if (found === undefined || found === null) return [];
  return Array.isArray(found) ? found : [found];
}

/** A value is one part of a path: whoever sets a grain must not walk to the secrets of others. */
function pathPart(value: Value): string {
  const text = typeof value === 'string' || isInteger(value) ? String(value) : undefined;
  if (text === undefined || text === '' || /^\.{1,2}$/.test(text)) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'a value of a path is neither text nor number', {});
  }
  return encodeURIComponent(text);
}

/** What Vault keeps is secret, whatever its key. Truth values and null say nothing and stay as they are. */
function sealed(value: Value): Value {
  if (typeof value === 'string') return new Secret(value);
  if (isInteger(value)) return new Secret(String(value), 'integer');
  if (isFloat(value)) return new Secret(String(value instanceof PyFloat ? value.value : value), 'float');
  if (Array.isArray(value)) return value.map(sealed);
  return value instanceof PyMap ? new PyMap([...value].map(([key, item]) => [key, sealed(item)])) : value;
}
