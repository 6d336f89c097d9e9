export { fleetOperations, type FleetOperationsOptions } from './fleet.ts';
export { jobOperations, type JobOperationsOptions } from './jobs.ts';
export { masterOperations, type MasterOperationsOptions, type Schedules } from './master.ts';
export { orchOperations } from './orch.ts';
