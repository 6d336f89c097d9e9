import { type Clock, errorMessage, type Logger } from '@edge-run/shared/kernel';
import type { MovedInput, MovedTarget, RunJournalEvent } from '@edge-run/shared/protocol';
import { movedTargets, type SelectHosts } from './fleet.ts';
import type { RunRecord } from './run-record.ts';
import { movedSources, type Sources } from './sources.ts';

/** What is looked at to tell what has moved. */
export interface MovedParts {
  /** What the plan of a run would be made of now. */
  sources(record: RunRecord): Promise<Sources>;
  readonly select: SelectHosts;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is no longer as it was when the plan of a run was made. */
export interface Moved {
  readonly inputs: readonly MovedInput[];
  readonly fleet: readonly MovedTarget[];
}

/** What a run was planned with and for, held against now. What cannot be told is logged and left out. */
export async function whatMoved(record: RunRecord, { sources, select, log }: MovedParts): Promise<Moved> {
  // The run goes on with the plan that is stored, which needs none of it.
  const unless = async <T>(what: string, look: () => Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await look();
    } catch (error) {
      log.warn(`cannot tell what has moved since a run was planned: ${what}`, {
        run: record.id,
        reason: errorMessage(error),
      });
      return [];
    }
  };
  return {
    inputs: await unless('its sources', async () => movedSources(record.sources, await sources(record))),
    fleet: await unless('its targets', () => movedTargets(record, select)),
  };
}

/** The entry that tells what has moved, for the journal of `run`; none when nothing has. */
export function movedEvents(run: string, { inputs, fleet }: Moved, at: number): readonly RunJournalEvent[] {
  if (inputs.length + fleet.length === 0) return [];
  const told = fleet.length === 0 ? {} : { fleet: [...fleet] };
  return [{ type: 'run-moved', run, at, moved: [...inputs], ...told }];
}
