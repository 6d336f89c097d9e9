import type { Clock, Logger } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import type { StepKey } from '@edge-run/shared/state';
import type { Journal, Revision } from '../journal/index.ts';
import type { LockPlace } from '../leases/index.ts';
import type { StartAction } from './decide-run.ts';
import type { RunRecord } from './run-record.ts';
import type { StepAnswer } from './step-kind.ts';

/** What the driver acts through. */
export interface DriverPorts {
  readonly journal: Journal<RunJournalEvent>;
  /** Runs one step and never throws: what goes wrong is an answer. */
  executeStep(record: RunRecord, action: StartAction, signal: AbortSignal): Promise<StepAnswer>;
  /** What to do with a step that had started when its master died. */
  afterCrash(record: RunRecord, step: StepKey): 'reattach' | 'rerun' | 'ask';
  /** Waits while what cannot be fenced must not begin: the lease of this master is about to run out. */
  fence(signal: AbortSignal): Promise<void>;
  /** Resolves once the run holds its locks; `onQueued` hears what it waits for. */
  lock(record: RunRecord, signal: AbortSignal, onQueued: (place: QueuePlace) => void): Promise<void>;
  /** Runs what undoes the steps, as a run of its own, to its end; started already, only waits. */
  rollBack(record: RunRecord, request: RollbackRequest, signal: AbortSignal): Promise<RollbackEnd>;
  /** Hands journaled events on to whoever watches. */
  publish(events: readonly RunJournalEvent[], revision: Revision): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where in the queue for its locks a run stands. */
export type QueuePlace = Extract<LockPlace, { kind: 'queued' }>;

/** What is to be undone, and by which run. */
export interface RollbackRequest {
  readonly rollback: string;
  readonly steps: readonly StepKey[];
  readonly reason: string;
}

/** How the undoing went. */
export interface RollbackEnd {
  readonly outcome: 'succeeded' | 'failed';
  /** Steps that are undone now. */
  readonly steps: readonly StepKey[];
}
