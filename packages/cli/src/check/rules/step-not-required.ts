import { formatPlace } from '@edge-run/shared/kernel';
import type { Chunk } from '@edge-run/shared/state';
import type { Finding, Rule } from './rule.ts';

/** Steps that do not fail, or whose failure nothing can depend on. */
const HARMLESS = /^(?:event\.send|test\.(?:nop|succeed_\w+|show_notification))$/;

/**
 * Steps that run although a step before them may have failed: nothing ends the run there (`failhard`, `on_failure`), and they name no
 * requisite. One that names any is taken at its word. Only the nearest step before is named.
 */
export const stepNotRequired: Rule = {
  code: 'EDGE_STEP_NOT_REQUIRED',
  severity: 'warning',
  units: ['orchestration'],
  find: ({ chunks, endsWhenFailed }) =>
    chunks.flatMap((step, index): readonly Finding[] => {
      const earlier = chunks
        .slice(0, index)
        .reverse()
        .find((other) => !endsWhenFailed(other) && mayBePassed(other, step));
      if (earlier === undefined || step.place === undefined || step.requisites.length > 0) return [];
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
    }),
};

function mayBePassed(step: Chunk, later: Chunk): boolean {
  if (HARMLESS.test(`${step.state}.${step.fun}`)) return false;
  // Steps side by side are meant to be independent.
  return !(step.options.parallel && later.options.parallel);
}
