export { decideFires, type Fire, type FireDecision, nextFire, type ScheduleSituation } from './decide.ts';
export { parseSchedules, type ScheduledJob, type ScheduledWork } from './definition.ts';
export { parseSchedule, type Schedule, scheduleDefinition, type Timing } from './schedule.ts';
