/** Parts of jobs that tests look at by themselves. */
export {
  type BatchSettings,
  type BatchState,
  beginBatch,
  decideBatch,
  evolveBatch,
} from '../batch-plan.ts';
export { storedReturns } from '../stored-returns.ts';
