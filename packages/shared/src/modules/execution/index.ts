export { cmdFunctions } from './cmd.ts';
export { fileFunctions } from './file.ts';
export { gitFunctions } from './git.ts';
export { serviceFunctions } from './service.ts';
export { EDGE_VERSION, testFunctions } from './test.ts';
