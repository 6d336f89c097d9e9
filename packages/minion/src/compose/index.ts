export { composeMinion, VERSION } from './compose.ts';
export { createHostExecutor, introduce } from './host-executor.ts';
export { type MinionCommand, runCommandLine } from './run.ts';
