import type { Declaration } from '../../schema/index.ts';
import { cloudRunnerDeclarations } from './cloud.ts';
import { fileserverRunnerDeclarations } from './fileserver.ts';
import { fleetRunnerDeclarations } from './fleet.ts';
import { FUNCTIONS_AS_RUNNERS, functionAsRunner, functionRunnerDeclarations } from './functions.ts';
import { keyWheelDeclarations } from './keys.ts';
import { mineRunnerDeclarations } from './mine.ts';
import type { RunnerDeclaration } from './runner.ts';
import { rollbackRunnerDeclaration, stateRunnerDeclarations } from './state.ts';

export type { RunnerDeclaration } from './runner.ts';
export {
  cloudRunnerDeclarations,
  FUNCTIONS_AS_RUNNERS,
  fileserverRunnerDeclarations,
  fleetRunnerDeclarations,
  functionAsRunner,
  functionRunnerDeclarations,
  keyWheelDeclarations,
  mineRunnerDeclarations,
  rollbackRunnerDeclaration,
  stateRunnerDeclarations,
};

/** Every runner of a master by name; those of `functions` that are runners too are among them. */
export function runnerDeclarations(
  functions: ReadonlyMap<string, Pick<Declaration, 'name' | 'summary'>>,
): ReadonlyMap<string, RunnerDeclaration> {
  const asRunners = [...functions.values()].filter(({ name }) => FUNCTIONS_AS_RUNNERS.test(name)).map(functionAsRunner);
  const own: readonly RunnerDeclaration[] = [
    ...stateRunnerDeclarations,
    rollbackRunnerDeclaration,
    ...Object.values(cloudRunnerDeclarations),
    ...Object.values(fleetRunnerDeclarations),
    ...Object.values(mineRunnerDeclarations),
    ...Object.values(fileserverRunnerDeclarations),
    ...Object.values(functionRunnerDeclarations),
    ...asRunners,
  ];
  return new Map(own.map((declaration) => [declaration.name, declaration]));
}

/** Every wheel of a master by name. */
export function wheelDeclarations(): ReadonlyMap<string, RunnerDeclaration> {
  return new Map<string, RunnerDeclaration>(
    Object.values(keyWheelDeclarations).map((declaration) => [declaration.name, declaration]),
  );
}
