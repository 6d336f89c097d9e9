export type { OpenFire, ScheduleRecord } from './plan.ts';
export { type Scheduler, type SchedulerOptions, startScheduler } from './scheduler.ts';
export { openScheduleState, type ScheduleState, type StoredSchedule } from './state.ts';
