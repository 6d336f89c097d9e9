export { type FleetOperationsOptions, fleetOperations } from './fleet.ts';
export { type JobOperationsOptions, jobOperations } from './jobs.ts';
export { type MasterOperationsOptions, masterOperations, type Schedules } from './master.ts';
export { orchOperations } from './orch.ts';
export { type RenderOperationsOptions, renderOperations } from './render.ts';
export { type RunViewOperationsOptions, runViewOperations } from './run-views.ts';
