export { composeMinion, VERSION } from './compose.ts';
export { createExecutor } from './executor.ts';
export { createLogger } from './logger.ts';
export { type MinionCommand, runCommandLine } from './run.ts';
