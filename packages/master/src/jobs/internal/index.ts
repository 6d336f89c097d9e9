/** Parts of jobs that tests look at by themselves. */
export {
  type BatchSettings,
  type BatchState,
  beginBatch,
  decideBatch,
  evolveBatch,
} from '../batch-plan.ts';
export { batchSizes, limitAmong } from '../batches.ts';
