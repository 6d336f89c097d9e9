export { chooseSubset } from './batches.ts';
export { createDispatcher, type Dispatcher, type DispatcherOptions, type DispatchRequest } from './dispatcher.ts';
export type { GatherSettings } from './gather.ts';
export { type MinionPresence, type Presence, trackPresence } from './presence.ts';
export type { JobRecord, JobSummary } from './records.ts';
export {
  createJobs,
  type JobProgress,
  type JobReport,
  type JobRunRequest,
  type JobService,
  type JobServiceOptions,
} from './service.ts';
export { type StartedJob, startJob } from './start-job.ts';
export { type JobRecords, openJobStreams, type ReturnStream, type ReturnStreamOptions } from './streams.ts';
