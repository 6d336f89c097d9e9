export { runCommandLine } from './run.ts';
export { startMinion } from './start-minion.ts';
