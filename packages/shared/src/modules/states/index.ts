export { testStates } from './test.ts';
