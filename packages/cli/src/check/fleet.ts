import { type Compiled, compiled } from '@edge-run/shared/kernel';
import { selectTargets } from '@edge-run/shared/target';
import { PyMap } from '@edge-run/shared/values';
import type { CheckHost } from './hosts.ts';

/** The hosts a tree knows, as targets select them. */
export interface Fleet {
  /** Ids; empty where no host is known, and no target can be said to select none. */
  readonly ids: readonly string[];
  /** Ids that a target selects; its errors are those of its text and its nodegroups. */
  select(target: string, targetType: string): Compiled<readonly string[]>;
}

/** The fleet of known hosts. */
export function fleetOf(
  hosts: readonly CheckHost[],
  nodegroups: Readonly<Record<string, string | readonly string[]>>,
): Fleet {
  const known = hosts.filter(({ isKnown }) => isKnown);
  const groups = nodegroups as Record<string, string | string[]>;
  return {
    ids: known.map(({ id }) => id),
    select: (target, targetType) => {
      const subjects = known.map(({ id, grains, pillar }) => ({ id, grains, pillar: pillar ?? new PyMap() }));
      const { value, diagnostics } = selectTargets(target, targetType, subjects, { nodegroups: groups });
      return value === undefined
        ? { value, diagnostics }
        : compiled(
            value.matched.map(({ id }) => id),
            diagnostics,
          );
    },
  };
}
