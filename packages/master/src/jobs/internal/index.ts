/** Parts of jobs that tests look at by themselves, and that a fleet in one process is made of. */
export {
  type BatchSettings,
  type BatchState,
  beginBatch,
  decideBatch,
  evolveBatch,
} from '../batch-plan.ts';
export { newJobNews, returnNews } from '../job-events.ts';
export { prepareJob } from '../job-request.ts';
export { storedReturns } from '../stored-returns.ts';
