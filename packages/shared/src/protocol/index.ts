export { EXIT, type ExitCode } from './exit-codes.ts';
export {
  type Answer,
  type EdgeEvent,
  edgeEvent,
  encodedValue,
  errorRecord,
  type JobMessage,
  jobMessage,
  type ReturnMessage,
  returnMessage,
  type SignedJob,
  signedJob,
  targetOutcome,
} from './messages.ts';
export {
  type HostResult,
  hostResult,
  type RunJournalEvent,
  runEvent,
  type StepOutcome,
  type StepProgress,
  type StepReturn,
  type StepSummary,
  stepOutcome,
  stepProgress,
  stepReturn,
  stepSummary,
} from './run-events.ts';
export { eventSubject, idFromToken, idToken, STREAMS, SUBJECTS } from './subjects.ts';
