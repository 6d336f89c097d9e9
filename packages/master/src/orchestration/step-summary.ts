import type { StepPlan } from '@edge-run/shared/orchestration';
import type { StepSummary } from '@edge-run/shared/protocol';
import type { Chunk, Plan, StepKey } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import { shownLate } from './registers.ts';

/** A step of a plan as it is shown; with the plan, also when it runs and what undoes it. */
export function summaryOf(chunk: Chunk, stored?: Pick<StepPlan, 'plan' | 'settings' | 'undo'>): StepSummary {
  const target = chunk.args.get('tgt');
  return {
    key: chunk.key,
    id: chunk.id,
    name: shownLate(String(chunk.name)),
    kind: `${chunk.state}.${chunk.fun}`,
    sls: chunk.sls,
    ...(chunk.place === undefined ? {} : { place: { file: chunk.place.file, line: chunk.place.line } }),
    ...(target === undefined || target instanceof PyMap
      ? {}
      : { target: shownLate(Array.isArray(target) ? target.map(String).join(',') : String(target)) }),
    ...onlyIfOf(chunk, stored),
    ...undoOf(chunk, stored),
  };
}

/** The first of the requisites without which the step does not run. */
function onlyIfOf({ requisites }: Chunk, stored: Pick<StepPlan, 'plan'> | undefined): Pick<StepSummary, 'onlyIf'> {
  for (const { kind, targets } of requisites) {
    if (kind !== 'onfail' && kind !== 'onchanges' && kind !== 'prereq') continue;
    return { onlyIf: { requisite: kind, steps: targets.map((key) => idOf(key, stored?.plan)) } };
  }
  return {};
}

function undoOf({ key }: Chunk, stored: Pick<StepPlan, 'settings' | 'undo'> | undefined): Pick<StepSummary, 'undo'> {
  const undo = stored?.settings[key]?.undo;
  if (undo === undefined) return {};
  const steps = undo.flatMap((step) => stored?.undo.chunks.find((chunk) => chunk.key === step) ?? []);
  return { undo: steps.map(({ state, fun, name }) => `${state}.${fun} ${shownLate(String(name))}`) };
}

function idOf(key: StepKey, plan: Plan | undefined): string {
  return plan?.chunks.find((chunk) => chunk.key === key)?.id ?? key;
}
