export { runCommandLine } from './run.ts';
export { VERSION } from './version.ts';
