import { type Diagnostic, type ErrorCode, hasErrors } from '@edge-run/shared/kernel';
import { checkSteps, keywordsOf, positionalOf } from '@edge-run/shared/orchestration';
import { runnerDeclarations, wheelDeclarations } from '@edge-run/shared/protocol';
import { didYouMean, parseArguments } from '@edge-run/shared/schema';
import { type Chunk, isOpen } from '@edge-run/shared/state';
import type { Unit } from '../unit.ts';
import type { RuleContext } from './rule.ts';

/**
 * What is wrong with the functions that steps call, on hosts and on the master: names nobody has, arguments they do not
 * take, values of the wrong kind. As the master says it when the orchestration is started, and some more.
 */
export async function stepCallProblems(unit: Unit, { workshop }: RuleContext): Promise<readonly Diagnostic[]> {
  const { functions } = workshop.catalog;
  const runners = runnerDeclarations(functions);
  const steps = await checkSteps(unit.chunks, {
    functions,
    runners: { has: (name) => runners.has(name), names: () => runners.keys() },
    // Who is there is another rule's.
    select: async () => ['anybody'],
    placeOf: (container, key) => unit.placeIn(container, key),
  });
  return [...steps, ...unit.chunks.flatMap((chunk) => masterCallProblems(unit, chunk, runners))];
}

/** Words of a step that calls the master which are not arguments of what it calls. */
const STEP_WORDS: ReadonlySet<string> = new Set(['name', 'arg', 'kwarg']);

function masterCallProblems(
  unit: Unit,
  chunk: Chunk,
  runners: ReturnType<typeof runnerDeclarations>,
): readonly Diagnostic[] {
  const kind = `${chunk.state}.${chunk.fun}`;
  if (kind !== 'salt.runner' && kind !== 'salt.wheel') return [];
  const known = kind === 'salt.runner' ? runners : wheelDeclarations();
  const name = String(chunk.name);
  const declaration = known.get(name);
  // An unknown runner has been reported with the other steps.
  if (declaration === undefined) return kind === 'salt.wheel' ? [unknownWheel(chunk, name, known.keys())] : [];
  const beside = new Map(
    [...chunk.args].filter(([key]) => !STEP_WORDS.has(String(key))).map(([key, value]) => [String(key), value]),
  );
  const kwargs = new Map([...beside, ...keywordsOf(chunk.args.get('kwarg'))]);
  const args = positionalOf(chunk.args.get('arg'));
  if ([...args, ...kwargs.values()].some(isOpen)) return [];
  const placeOf = (argument: string) => unit.placeOf(chunk, argument);
  const { diagnostics } = parseArguments(declaration, { args, kwargs, placeOf });
  const placed = chunk.place === undefined ? {} : { source: chunk.place };
  return (hasErrors(diagnostics) ? diagnostics : []).map((diagnostic) => ({ ...placed, ...diagnostic }));
}

function unknownWheel(chunk: Chunk, name: string, known: Iterable<string>): Diagnostic {
  const code: ErrorCode = 'EDGE_UNKNOWN_FUNCTION';
  const placed = chunk.place === undefined ? {} : { source: chunk.place };
  return { severity: 'error', code, summary: `no wheel \`${name}\``, detail: didYouMean(name, known), ...placed };
}
