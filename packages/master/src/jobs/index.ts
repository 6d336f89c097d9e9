export type { ActiveJob } from './active.ts';
export { type BatchGate, gatekeeper, hasFunctionFailed } from './batch-gate.ts';
export { type BatchProgress, batchProgress } from './batch-progress.ts';
export { runBatch } from './batch-run.ts';
export { batchSizes, limitAmong } from './batches.ts';
export { createDispatcher, type Dispatcher, type DispatcherOptions, type DispatchRequest } from './dispatcher.ts';
export type { JobNews } from './job-events.ts';
export { hasFailed, type JobQuery } from './job-history.ts';
export { batchSettings, type JobRunRequest, typedWords } from './job-request.ts';
export { type MinionPresence, type Presence, trackPresence } from './presence.ts';
export { type PresenceEventsOptions, tellOfPresence } from './presence-events.ts';
export { type JobRecord, type JobSummary, jobRecord } from './records.ts';
export {
  createJobs,
  type JobProgress,
  type JobReport,
  type JobService,
  type JobServiceOptions,
  type PublishedJob,
} from './service.ts';
export { type StartedJob, startJob } from './start-job.ts';
export {
  checkReturn,
  JOBS_STREAM,
  type JobRecords,
  openJobStreams,
  type ReturnStream,
  type ReturnStreamOptions,
} from './streams.ts';
export { GATHER_DEFAULTS, type GatherSettings, type Outstanding, type Situation, verdictOf } from './verdicts.ts';
