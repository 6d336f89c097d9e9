import { bundleDigest, contentDigest, type FileSource, listBundle } from '@edge-run/shared/files';
import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { MovedInput } from '@edge-run/shared/protocol';
import { encodeValue, type PyMap } from '@edge-run/shared/values';
import { secretsDigest } from './secret-values.ts';

/** What a plan was made of → its digest. */
export type Sources = Readonly<Record<string, string>>;

/**
 * Digests of the files of an environment and of a pillar. In that of the pillar secrets count as sealed; where there is a
 * `secretKey` they have one of their own under it, so that nobody else can try what they are.
 */
export async function sourcesOf(
  files: FileSource,
  saltenv: string,
  pillar: PyMap,
  secretKey?: Uint8Array,
): Promise<Sources> {
  const { [saltenv]: states = [] } = await listBundle(files, [saltenv]);
  const secrets = secretKey === undefined ? undefined : secretsDigest(pillar, secretKey);
  return {
    states: bundleDigest(states),
    pillar: digestOf(encodeValue(pillar)),
    ...(secrets === undefined ? {} : { secrets }),
  };
}

/** A plan that was looked at before. */
export interface ExpectedPlan {
  readonly digest: string;
  readonly sources: Sources;
}

/** @throws EdgeError `EDGE_PLAN_STALE` that names what moved, when a plan is not the expected one */
export function refuseOther(expected: ExpectedPlan, digest: string, sources: Sources): void {
  const moved = movedSources(expected.sources, sources).map(({ what }) => what);
  if (moved.length === 0 && digest === expected.digest) return;
  const what = moved.length > 0 ? moved.join(' and ') : 'what its templates found';
  throw new EdgeError(
    'EDGE_PLAN_STALE',
    `the plan is stale, nothing was run: it was made of other ${what}`,
    { moved, digest, expected: expected.digest },
    { hint: 'Plan again: edge-run orch plan NAME … --save FILE' },
  );
}

/** What is no longer as it was; a source that was not recorded has not moved. */
export function movedSources(was: Sources, is: Sources): readonly MovedInput[] {
  return Object.entries(was).flatMap(([what, digest]) => {
    const now = is[what];
    return now === undefined || now === digest ? [] : [{ what, was: digest, is: now }];
  });
}

/** `sha256:<hex>` of JSON, whatever the order of its keys. */
export function digestOf(value: JsonValue): string {
  return contentDigest(canonical(value));
}

function canonical(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item as JsonValue)}`).join(',')}}`;
}
