import { formatPlace } from '@edge-run/shared/kernel';
import type { Chunk, StepKey } from '@edge-run/shared/state';
import type { Finding, Rule } from './rule.ts';

/** Steps that do not fail, or whose failure nothing can depend on. */
const HARMLESS = /^(?:event\.send|test\.(?:nop|succeed_\w+|show_notification))$/;

/**
 * Steps that run although a step before them may have failed: nothing ends the run there (`failhard`), and no requisite
 * ties the two. Only the nearest such step is named.
 */
export const stepNotRequired: Rule = {
  code: 'EDGE_STEP_NOT_REQUIRED',
  severity: 'warning',
  units: ['orchestration'],
  find: ({ chunks }) => {
    const before = transitive(chunks);
    return chunks.flatMap((step, index): readonly Finding[] => {
      const earlier = chunks
        .slice(0, index)
        .reverse()
        .find((other) => mayBePassed(other, step) && !before.get(step.key)!.has(other.key));
      if (earlier === undefined || step.place === undefined) return [];
      return [
        {
          summary: `\`${step.id}\` runs also when \`${earlier.id}\` has failed`,
          detail: `give \`${earlier.id}\` \`failhard: True\`, or \`${step.id}\` a \`require\` of it`,
          source: step.place,
          ...(earlier.place === undefined || formatPlace(earlier.place) === formatPlace(step.place)
            ? {}
            : { chain: [{ ...earlier.place, role: 'other' as const }] }),
        },
      ];
    });
  },
};

function mayBePassed(step: Chunk, later: Chunk): boolean {
  if (step.options.failhard === true || HARMLESS.test(`${step.state}.${step.fun}`)) return false;
  // Steps side by side are meant to be independent.
  return !(step.options.parallel && later.options.parallel);
}

/** Step → every step it depends on, however far; `chunks` may have any order. */
function transitive(chunks: readonly Chunk[]): ReadonlyMap<StepKey, ReadonlySet<StepKey>> {
  const direct = new Map(chunks.map(({ key, requisites }) => [key, requisites.flatMap(({ targets }) => targets)]));
  return new Map(
    chunks.map(({ key }) => {
      const found = new Set<StepKey>();
      const waiting = [...(direct.get(key) ?? [])];
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (found.has(next)) continue;
        found.add(next);
        waiting.push(...(direct.get(next) ?? []));
      }
      return [key, found];
    }),
  );
}
