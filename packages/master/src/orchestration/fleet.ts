import { targetOf } from '@edge-run/shared/orchestration';
import type { MovedTarget, TargetSelection } from '@edge-run/shared/protocol';
import { type Chunk, isOpen, type StepKey } from '@edge-run/shared/state';
import type { Value } from '@edge-run/shared/values';
import type { RunRecord } from './run-record.ts';

/** Ids of the known hosts that a target selects. */
export type SelectHosts = (target: string, targetType: string) => Promise<readonly string[]>;

/**
 * Whom the targets of a plan select now: each target once, with the steps that have it. Targets that come only with
 * earlier steps are left out, as are those that cannot be read: their step says so.
 */
export async function selectionsOf(chunks: readonly Chunk[], select: SelectHosts): Promise<readonly TargetSelection[]> {
  const byTarget = new Map<string, { target: string; targetType: string; steps: StepKey[] }>();
  for (const { key, args } of chunks) {
    const target = knownTarget(args.get('tgt'), args.get('tgt_type') ?? args.get('expr_form'));
    if (target === undefined) continue;
    const name = `${target.targetType}\n${target.target}`;
    const known = byTarget.get(name);
    if (known === undefined) byTarget.set(name, { ...target, steps: [key] });
    else known.steps.push(key);
  }
  const selections: TargetSelection[] = [];
  for (const target of byTarget.values()) {
    const hosts = await select(target.target, target.targetType).catch(() => undefined);
    if (hosts !== undefined) selections.push({ ...target, hosts: [...hosts].sort() });
  }
  return selections;
}

/**
 * Which hosts the targets of a run select that they did not when it was planned, and which they no longer select. A host
 * that a step of the run has acted on through the same target is none that came.
 */
export async function movedTargets(record: RunRecord, select: SelectHosts): Promise<readonly MovedTarget[]> {
  const moved: MovedTarget[] = [];
  for (const { target, targetType, steps, hosts } of record.fleet) {
    const met = steps.flatMap((step) => Object.keys(record.answers.get(step)?.hosts ?? {}));
    const before = new Set([...hosts, ...met]);
    const now = new Set(await select(target, targetType));
    const came = [...now].filter((id) => !before.has(id)).sort();
    const gone = [...before].filter((id) => !now.has(id)).sort();
    if (came.length + gone.length > 0) moved.push({ target, targetType, steps, came, gone });
  }
  return moved;
}

function knownTarget(
  tgt: Value | undefined,
  type: Value | undefined,
): { readonly target: string; readonly targetType: string } | undefined {
  const isText = typeof tgt === 'string' || (Array.isArray(tgt) && tgt.every((id) => typeof id === 'string'));
  if (!isText || isOpen(tgt) || (type !== undefined && (typeof type !== 'string' || isOpen(type)))) return undefined;
  return targetOf({ tgt: tgt as string | string[], tgt_type: type });
}
