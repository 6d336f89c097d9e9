export { type RunningMaster, startMaster } from './master.ts';
