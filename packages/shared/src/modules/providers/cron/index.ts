export { loadCrontab, readCrontab, writeCrontab } from './access.ts';
export {
  type CronEntry,
  type CronJob,
  type CronSchedule,
  type CronTimes,
  type Crontab,
  envLine,
  formatCrontab,
  jobLines,
  MARKER,
  parseCrontab,
  readableComment,
  TIME_FIELDS,
} from './crontab.ts';
export {
  type CronEdit,
  type CronOutcome,
  isMeant,
  type JobKey,
  removeEnv,
  removeJob,
  runsAt,
  setEnv,
  setJob,
  type WantedJob,
} from './edit.ts';
