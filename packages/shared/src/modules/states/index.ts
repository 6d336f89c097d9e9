export { testStates } from './test.ts';
export { cmdStates } from './cmd.ts';
export { fileStates } from './file.ts';
