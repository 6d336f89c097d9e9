import { targetOf } from '@edge-run/shared/orchestration';
import { didYouMean } from '@edge-run/shared/schema';
import { type Chunk, isOpen } from '@edge-run/shared/state';
import type { Value } from '@edge-run/shared/values';
import type { Unit } from '../unit.ts';
import { type Finding, finding, type Rule } from './rule.ts';

const HAS_TARGET = /^salt\.(?:function|state)$/;
/** Kinds that name hosts; what others select depends on what hosts say of themselves. */
const NAMES_HOSTS: ReadonlySet<string> = new Set(['glob', 'list']);

/** The steps of a unit that have hosts do something, with whom they mean. */
function targetsIn(unit: Unit): readonly { chunk: Chunk; target: string; targetType: string }[] {
  return unit.chunks
    .filter(({ state, fun, args }) => HAS_TARGET.test(`${state}.${fun}`) && isTarget(args.get('tgt')))
    .map((chunk) => ({
      chunk,
      ...targetOf({
        tgt: chunk.args.get('tgt') as string | string[],
        tgt_type: textOf(chunk.args.get('tgt_type')),
        expr_form: textOf(chunk.args.get('expr_form')),
      }),
    }))
    .filter(({ target }) => !isOpen(target));
}

/** Targets that cannot be read. */
export const targetSyntax: Rule = {
  code: 'EDGE_TARGET_SYNTAX',
  severity: 'error',
  units: ['orchestration'],
  find: (unit, { fleet }) => problems(unit, (target, type) => fleet.select(target, type), 'EDGE_TARGET_SYNTAX'),
};

/** Targets whose nodegroups are unknown or cannot be read. */
export const targetNodegroup: Rule = {
  code: 'EDGE_TARGET_NODEGROUP',
  severity: 'error',
  units: ['orchestration'],
  find: (unit, { fleet }) => problems(unit, (target, type) => fleet.select(target, type), 'EDGE_TARGET_NODEGROUP'),
};

/** Targets that name hosts nobody knows, unless the orchestration brings hosts up itself. */
export const targetMatchesNothing: Rule = {
  code: 'EDGE_TARGET_MATCHES_NOTHING',
  severity: 'warning',
  units: ['orchestration'],
  find: (unit, { fleet }) => {
    if (fleet.ids.length === 0 || unit.chunks.some(bringsHostsUp)) return [];
    return targetsIn(unit)
      .filter(
        ({ target, targetType }) => NAMES_HOSTS.has(targetType) && fleet.select(target, targetType).value?.length === 0,
      )
      .map(({ chunk, target }) =>
        finding(
          `target \`${target}\` of \`${chunk.id}\` selects none of the ${fleet.ids.length} known hosts`,
          didYouMean(target, fleet.ids) ||
            'known are those of the roster, of `hosts` in the pillars and of the fixtures',
          unit.placeOf(chunk, 'tgt'),
        ),
      );
  },
};

function problems(
  unit: Unit,
  select: (target: string, type: string) => { readonly diagnostics: readonly Problem[] },
  code: string,
): readonly Finding[] {
  return targetsIn(unit).flatMap(({ chunk, target, targetType }) =>
    select(target, targetType)
      .diagnostics.filter((problem) => problem.code === code)
      .map(({ summary, detail }) =>
        finding(`target of \`${chunk.id}\`: ${summary}`, detail, unit.placeOf(chunk, 'tgt')),
      ),
  );
}

interface Problem {
  readonly code: string;
  readonly summary: string;
  readonly detail: string;
}

function bringsHostsUp({ state, fun, name }: Chunk): boolean {
  const kind = `${state}.${fun}`;
  return kind === 'salt.wait_for_event' || (kind === 'salt.runner' && /^(?:cloud\.|state\.orch)/.test(String(name)));
}

function isTarget(value: Value | undefined): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
