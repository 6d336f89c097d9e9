import { STEP_KINDS } from '@edge-run/master/orchestration';
import { keyWheels, masterRunners, type RunnerParts } from '@edge-run/master/runners';
import { createCatalog, HostRuntime, type RuntimeOptions, stateFunctions } from '@edge-run/shared/execute';
import { runnerDeclarations, STEP_DECLARATIONS, wheelDeclarations } from '@edge-run/shared/protocol';
import { describe, expect, it } from 'vitest';

const byName = (a: string, b: string): number => (a < b ? -1 : 1);

describe('declarations of the master', () => {
  // Only what is declared is looked at: no function of these is ever called.
  const runtime = new HostRuntime({ catalog: createCatalog() } as RuntimeOptions, stateFunctions);

  it('name every kind of step, with its arguments', () => {
    const declared = new Map(STEP_DECLARATIONS.map(({ name, args }) => [name, Object.keys(args.shape)]));
    expect(declared).toEqual(new Map(STEP_KINDS.map(({ name, args }) => [name, Object.keys(args.shape)])));
  });
  it('name every runner', () => {
    const runners = masterRunners({ runtime } as Partial<RunnerParts> as RunnerParts);
    const declared = [...runnerDeclarations(runtime.catalog.functions).keys()].sort(byName);
    expect(declared).toEqual(runners.map(({ name }) => name).sort(byName));
  });
  it('name every wheel', () => {
    const wheels = keyWheels(undefined as never);
    expect([...wheelDeclarations().keys()].sort(byName)).toEqual(wheels.map(({ name }) => name).sort(byName));
  });
});
