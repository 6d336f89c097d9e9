import type { Chunk, Plan, StepKey } from '../contract.ts';

/**
 * The part of a plan that has an ID or name, with everything its requisites call for, in the plan's order (Salt 3006
 * `state.sls_id`). No chunks when nothing has that ID.
 */
export function selectStates(plan: Plan, id: string): Plan {
  const byKey = new Map<StepKey, Chunk>(plan.chunks.map((chunk) => [chunk.key, chunk]));
  const wanted = new Set<StepKey>();
  const waiting = plan.chunks.filter((chunk) => chunk.id === id || chunk.name === id);
  for (let chunk = waiting.pop(); chunk !== undefined; chunk = waiting.pop()) {
    if (wanted.has(chunk.key)) continue;
    wanted.add(chunk.key);
    for (const { targets } of chunk.requisites) waiting.push(...targets.flatMap((key) => byKey.get(key) ?? []));
  }
  return { chunks: plan.chunks.filter(({ key }) => wanted.has(key)) };
}
