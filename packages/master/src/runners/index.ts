import type { HostRuntime, RuntimeExecutor } from '@edge-run/shared/execute';
import type { Logger } from '@edge-run/shared/kernel';
import type { CloudDriver } from '../cloud/index.ts';
import type { Events } from '../events/index.ts';
import type { JobService, Presence } from '../jobs/index.ts';
import type { MineService, Nodes } from '../nodes/index.ts';
import type { RunCommands, RunService } from '../orchestration/index.ts';
import { cloudRunners } from './cloud.ts';
import type { Runner } from './contract.ts';
import { type FileServerControl, fileserverRunners } from './fileserver.ts';
import { fleetRunners } from './fleet.ts';
import { functionRunners } from './functions.ts';
import { mineRunners } from './mine.ts';
import { stateRunners } from './state.ts';

export { createRunnerCalls, defineRunner, type Runner, type RunnerContext } from './contract.ts';
export { stateRunners } from './state.ts';
export { stateReturns } from './state-returns.ts';
export { type MasterCalls, templateRunners } from './template-runners.ts';
export { type KeyControl, keyWheels } from './wheels.ts';

/** The parts of a master that runners work with. */
export interface RunnerParts {
  readonly runs: RunService;
  readonly commands: RunCommands;
  /** Id of the master, under which orchestrations answer. */
  readonly master: string;
  readonly cloud: CloudDriver;
  readonly jobs: JobService;
  readonly nodes: Nodes;
  readonly mine: MineService;
  readonly fileServer: FileServerControl;
  readonly presence: Presence;
  readonly events: Events;
  readonly executor: RuntimeExecutor;
  readonly runtime: HostRuntime;
  readonly log: Logger;
}

/** Every runner of a master: the explicit list. */
export function masterRunners(parts: RunnerParts): readonly Runner[] {
  return [
    ...stateRunners(parts.runs, parts.commands, parts.master),
    ...cloudRunners(parts.cloud),
    ...fleetRunners(parts),
    ...mineRunners(parts.mine),
    ...fileserverRunners(parts.fileServer),
    ...functionRunners(parts.executor, parts.runtime, parts.log),
  ];
}
