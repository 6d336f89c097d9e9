import { EdgeError, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import type { OrchPlan } from '@edge-run/shared/view';
import { writePlanFile } from './plan-file.ts';
import { type Sealed, seal, unseal } from './plan-seal.ts';

type RunRequest = OperationArgs<'orch.run'>;

/** A plan of an orchestration: what was asked for, and what the look found. Secrets are sealed. */
export interface SavedOrchPlan {
  /** RFC 3339. */
  readonly savedAt: string;
  readonly request: RunRequest;
  readonly plan: OrchPlan;
}

/** As it lies in a file: no values of `pillar=`, as with plans of states (docs/decisions/0009). */
interface PlanInFile {
  readonly version: 1;
  readonly kind: 'orchestration';
  readonly savedAt: string;
  readonly request: Omit<RunRequest, 'pillar'>;
  readonly isSealed: boolean;
  readonly plan: OrchPlan | Sealed;
}

/** Writes the plan for its owner's eyes alone; resolves to the digest of what is in it. */
export async function saveOrchPlan(
  cwd: string,
  file: string,
  { savedAt, request, plan }: SavedOrchPlan,
): Promise<string> {
  const { pillar, ...asked } = request;
  const content: PlanInFile = {
    ...{ version: 1, kind: 'orchestration', savedAt, request: asked, isSealed: pillar !== undefined },
    // What was overridden may be anywhere in what the look found.
    plan: pillar === undefined ? plan : await seal(plan as unknown as JsonValue, pillar as JsonValue),
  };
  return writePlanFile(cwd, file, content as unknown as JsonObject);
}

/** True for the content of a file that holds a plan of an orchestration. */
export function isOrchPlan(content: JsonObject): boolean {
  return content.kind === 'orchestration';
}

/**
 * The plan of a file's content, which the `pillar=` it was made with completes.
 * @throws EdgeError `EDGE_MISSING_ARGUMENT` without the values it was made with, `EDGE_PLAN_STALE` with others,
 * `EDGE_BAD_ARGUMENT` with values where it was made without
 */
export async function openOrchPlan(
  file: string,
  content: JsonObject,
  pillar: JsonValue | undefined,
): Promise<SavedOrchPlan> {
  const { savedAt, request, isSealed, plan } = content as unknown as PlanInFile;
  if (!isSealed) {
    if (pillar === undefined) return { savedAt, request, plan: plan as OrchPlan };
    const hint = `Apply what was planned: edge-run apply ${file}`;
    throw new EdgeError('EDGE_BAD_ARGUMENT', `${file} was made without pillar=`, { file }, { hint });
  }
  if (pillar === undefined) {
    const hint = `Give the same values again: edge-run apply ${file} pillar='{…}'`;
    const message = `${file} was made with pillar=, whose values are not kept in it`;
    throw new EdgeError('EDGE_MISSING_ARGUMENT', message, { file }, { hint });
  }
  const opened = await unseal(plan as Sealed, pillar);
  if (opened === undefined) {
    const hint = 'Give the same values, or plan again: edge-run orch plan NAME … --save FILE';
    const message = 'the values of pillar= are not those the plan was made with; nothing was run';
    throw new EdgeError('EDGE_PLAN_STALE', message, { file }, { hint });
  }
  return { savedAt, request: { ...request, pillar }, plan: opened as unknown as OrchPlan };
}
