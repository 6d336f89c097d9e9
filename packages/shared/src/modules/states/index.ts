export { cmdStates } from './cmd.ts';
export { fileStates } from './file.ts';
export { testStates } from './test.ts';
