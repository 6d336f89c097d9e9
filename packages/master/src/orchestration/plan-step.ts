import { Secret } from '@edge-run/shared/kernel';
import type { ForeseenStep } from '@edge-run/shared/protocol';
import { parseArguments } from '@edge-run/shared/schema';
import { type Chunk, isLate, isOpen, SLOT } from '@edge-run/shared/state';
import { PyMap, PyTuple, type Value } from '@edge-run/shared/values';
import type { Foresight } from './foresight.ts';
import { shownLate } from './registers.ts';
import type { StepAnswer, StepContext, StepKind } from './step-kind.ts';

/** True for a step some of whose values are known only when it starts: results of earlier steps, or slots. */
export function isOpenStep(chunk: Chunk): boolean {
  return expressionsOf(chunk).length > 0;
}

/**
 * The plan of a step some of whose values come only with earlier steps: its call as far as it is known. No slot is
 * filled and no guard asked, because both may depend on what those steps do.
 */
export async function planOpenStep(
  chunk: Chunk,
  kind: StepKind | undefined,
  ctx: StepContext,
  foresight: Foresight,
): Promise<StepAnswer> {
  const late = [...new Set(expressionsOf(chunk))];
  const why = `it depends on ${late.join(', ')}`;
  const unknown: ForeseenStep = { effect: 'unknown', why };
  const answer: StepAnswer = { result: null, changes: new PyMap(), comment: why, foreseen: unknown };
  if (kind === undefined) return answer;
  const shown = showLate(chunk.args) as PyMap;
  const kwargs = new Map([...shown].map(([key, value]) => [String(key), value]));
  const parsed = parseArguments(kind, { args: [], kwargs });
  // A value of another type than text is not there yet to be checked.
  if (parsed.value === undefined) return answer;
  const planned = await kind.plan(parsed.value as never, ctx, foresight);
  return { ...planned, foreseen: { ...planned.foreseen, ...unknown } };
}

/** What is known of the effect of an ordinary state from what it answered to a look. */
export function foreseenOf({ result, changes, verb }: Pick<StepAnswer, 'result' | 'changes' | 'verb'>): ForeseenStep {
  if (result !== null || verb === 'ask') return { effect: 'nothing' };
  const isKnown = verb !== 'run' && changes instanceof PyMap && changes.size > 0;
  if (isKnown) return { effect: 'changes' };
  return {
    effect: 'unknown',
    why: 'what it does cannot be looked up beforehand',
    ...(verb === 'run' ? { help: 'add `creates:`, `unless:` or `onlyif:`' } : {}),
  };
}

/** The expressions and slots of a step, as the author wrote them. */
function expressionsOf({ name, args, guards }: Chunk): readonly string[] {
  return expressionsIn([name, args, ...Object.values(guards as object)]);
}

/** The expressions and slots in a value, as the author wrote them. */
function expressionsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') {
    if (value.startsWith(SLOT)) return [value];
    return [...shownLate(value).matchAll(/\{\{.*?\}\}/gs)].flatMap(([text]) => (isLate(value) ? [text] : []));
  }
  if (value instanceof Secret) return isOpen(value.reveal()) ? [String(value)] : [];
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (value instanceof PyTuple) return value.items.flatMap(expressionsIn);
  return value instanceof PyMap ? [...value.values()].flatMap(expressionsIn) : [];
}

function showLate(value: Value): Value {
  if (typeof value === 'string') return isLate(value) ? shownLate(value) : value;
  if (Array.isArray(value)) return value.map(showLate);
  if (value instanceof PyMap) return new PyMap([...value].map(([key, item]) => [key, showLate(item)]));
  return value;
}
