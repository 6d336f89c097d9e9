import type { FileSource } from '@edge-run/shared/files';
import { type Compiled, EdgeError, requireCompiled } from '@edge-run/shared/kernel';
import { encodedValue } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { fileOperations, type KeyRotation, type Operation, operation, rotationOperations } from '../gateway/index.ts';
import type { JobService } from '../jobs/index.ts';
import { type MineService, type Nodes, storedMineEntry } from '../nodes/index.ts';

const pillarQuestion = z.object({
  pillarenv: z.string().optional(),
  saltenv: z.string().optional(),
  override: encodedValue.optional(),
  /** The host's facts, where they have changed. */
  facts: encodedValue.optional(),
});

/** Values of one host in one question. */
const MAX_ENTRIES = 1_000;
const targetText = z.union([z.string().max(65_536), z.array(z.string()).max(10_000)]);
const mineUpdate = z.object({
  entries: z.array(storedMineEntry.omit({ at: true }).extend({ name: z.string() })).max(MAX_ENTRIES),
  replaceAll: z.boolean(),
});
const mineQuestion = z.object({ target: targetText, name: z.string(), targetType: z.string() });

/** What of the master's configuration its minions see: what top files and targets need. */
const SHARED_OPTS = new Set(['nodegroups', 'top_file_merging_strategy', 'env_order', 'default_top']);

/** What minions may ask; who asks is known from the subject. */
export function minionRpc(parts: {
  readonly files: FileSource;
  readonly filesOf: (bundle: string) => FileSource;
  readonly jobs: JobService;
  readonly nodes: Nodes;
  readonly keyring: KeyRotation;
  readonly mine: MineService;
  /** The master's configuration; minions see what top files and targets need of it. */
  readonly opts: PyMap;
  pillarOf(id: string, query: { pillarenv: string | undefined; override: PyMap | undefined }): Promise<Compiled<PyMap>>;
}): Readonly<Record<string, Operation>> {
  const { files, filesOf, jobs, nodes, keyring, mine, opts, pillarOf } = parts;
  return {
    ...fileOperations(files, filesOf),
    ...rotationOperations(keyring),
    returned: operation(z.object({ jids: z.array(z.string()).max(1_000) }), async ({ jids }, caller) => ({
      stored: await jobs.stored(caller.id, jids),
    })),
    'grains-update': operation(z.object({ facts: encodedValue }), async ({ facts }, caller) => {
      await nodes.setFacts(caller.id, asMap(decodeValue(facts)));
    }),
    'master-opts': operation(z.object({}), async () =>
      encodeValue(new PyMap([...opts].filter(([name]) => SHARED_OPTS.has(String(name))))),
    ),
    'mine-update': operation(mineUpdate, async ({ entries, replaceAll }, caller) => {
      const stored = entries.map(({ name, ...entry }) => ({ name, stored: entry }));
      await mine.put(caller.id, stored, { replaceAll });
    }),
    'mine-remove': operation(
      z.object({ names: z.array(z.string()).max(MAX_ENTRIES).optional() }),
      ({ names }, caller) => mine.remove(caller.id, names),
    ),
    'mine-get': operation(mineQuestion, async ({ target, name, targetType }, caller) =>
      encodeValue(await mine.get(target, name, targetType, { host: caller.id, pillars: 'exact' })),
    ),
    pillar: operation(pillarQuestion, async ({ pillarenv, override, facts }, caller) => {
      if (facts !== undefined) await nodes.setFacts(caller.id, asMap(decodeValue(facts)));
      const laidOver = override === undefined ? undefined : asMap(decodeValue(override));
      // The host may read its own secrets; nobody else can ask under its name.
      return encodeValue(requireCompiled(await pillarOf(caller.id, { pillarenv, override: laidOver })), {
        secrets: 'revealed',
      });
    }),
  };
}

function asMap(value: unknown): PyMap {
  if (value instanceof PyMap) return value;
  throw new EdgeError('EDGE_BAD_ARGUMENT', 'a mapping was expected');
}
