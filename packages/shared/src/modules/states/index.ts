export { cmdStates } from './cmd.ts';
export { fileStates } from './file.ts';
