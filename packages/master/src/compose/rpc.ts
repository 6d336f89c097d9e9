import type { FileSource } from '@edge-run/shared/files';
import { type Compiled, EdgeError, requireCompiled } from '@edge-run/shared/kernel';
import { encodedValue } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { fileOperations, type KeyRotation, type Operation, operation, rotationOperations } from '../gateway/index.ts';
import type { JobService } from '../jobs/index.ts';
import type { Nodes } from '../nodes/index.ts';

const pillarQuestion = z.object({
  pillarenv: z.string().optional(),
  saltenv: z.string().optional(),
  override: encodedValue.optional(),
  /** The host's facts, where they have changed. */
  facts: encodedValue.optional(),
});

/** What minions may ask; who asks is known from the subject. */
export function minionRpc(parts: {
  readonly files: FileSource;
  readonly jobs: JobService;
  readonly nodes: Nodes;
  readonly keyring: KeyRotation;
  pillarOf(id: string, query: { pillarenv: string | undefined; override: PyMap | undefined }): Promise<Compiled<PyMap>>;
}): Readonly<Record<string, Operation>> {
  const { files, jobs, nodes, keyring, pillarOf } = parts;
  return {
    ...fileOperations(files),
    ...rotationOperations(keyring),
    returned: operation(z.object({ jids: z.array(z.string()).max(1_000) }), async ({ jids }, caller) => ({
      stored: await jobs.stored(caller.id, jids),
    })),
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
