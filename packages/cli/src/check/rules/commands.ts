import type { SourceRange } from '@edge-run/shared/kernel';
import { positional } from '@edge-run/shared/orchestration';
import type { Chunk } from '@edge-run/shared/state';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { Unit } from '../unit.ts';

/** A command line that a step runs. */
export interface StepCommand {
  readonly text: string;
  readonly source: SourceRange | undefined;
}

/** Functions whose first argument is a command line. */
const COMMAND_FUNCTION = /^cmd\.(?!exec_code|script|which|has_exec|retcode_of)/;

/** The command lines of a step: those of the state `cmd`, and those it has hosts or runners run. */
export function commandsOf(unit: Unit, chunk: Chunk): readonly StepCommand[] {
  const { state, fun, args } = chunk;
  if (state === 'cmd') return texts(args.get('name') ?? chunk.name, unit.placeOf(chunk, 'name'));
  if (`${state}.${fun}` !== 'salt.function' || !COMMAND_FUNCTION.test(String(chunk.name))) return [];
  const kwarg = args.get('kwarg');
  const named = kwarg instanceof PyMap ? texts(kwarg.get('cmd'), unit.placeIn(kwarg, 'cmd') ?? chunk.place) : [];
  return [...texts(positional(args.get('arg'))[0], unit.placeOf(chunk, 'arg')), ...named];
}

function texts(value: Value | undefined, source: SourceRange | undefined): readonly StepCommand[] {
  return typeof value === 'string' ? [{ text: value, source }] : [];
}
