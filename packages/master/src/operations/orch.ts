import type { EdgeError } from '@edge-run/shared/kernel';
import { OPERATIONS } from '@edge-run/shared/protocol';
import { decodeValue, PyMap } from '@edge-run/shared/values';
import { type Operation, operation } from '../gateway/index.ts';
import { type RunHistory, type RunRequest, type RunService, withoutPlan } from '../orchestration/index.ts';

/** Newest first, and no more than a screen can take when nobody says. */
const DEFAULT_LIMIT = 50;

/** What people ask about orchestrations. */
export function orchOperations(runs: RunService, history: RunHistory): Readonly<Record<string, Operation>> {
  const isOwned = (run: string): boolean => runs.active.includes(run);
  return {
    'orch.run': operation(OPERATIONS['orch.run'].args, async (args, caller) => {
      const pillar = args.pillar === undefined ? undefined : decodeValue(args.pillar);
      const request: RunRequest = {
        name: args.name,
        by: caller.id,
        ...(args.saltenv === undefined ? {} : { saltenv: args.saltenv }),
        ...(args.pillarenv === undefined ? {} : { pillarenv: args.pillarenv }),
        ...(pillar instanceof PyMap ? { pillar } : {}),
        ...(args.test === undefined ? {} : { test: args.test }),
      };
      return { run: await runs.start(request) };
    }),
    'orch.ls': operation(OPERATIONS['orch.ls'].args, async ({ limit, since, states }) => {
      const found = history
        .list(isOwned)
        .filter(
          (run) =>
            (since === undefined || run.startedAt >= since) && (states === undefined || states.includes(run.state)),
        );
      return { runs: found.slice(0, limit ?? DEFAULT_LIMIT) };
    }),
    'orch.show': operation(OPERATIONS['orch.show'].args, async (args) => {
      const run = await resolve(args.run, runs, history);
      return { run, events: (await runs.events(run)).map(withoutPlan) };
    }),
    'orch.cancel': operation(OPERATIONS['orch.cancel'].args, async (args, caller) => {
      const run = await resolve(args.run, runs, history);
      try {
        await runs.cancel(run, caller.id);
        return { run, cancelling: true };
      } catch (error) {
        if ((error as EdgeError).code === 'EDGE_RUN_ENDED') return { run, cancelling: false };
        throw error;
      }
    }),
  };
}

/** The id that is meant. A run that has just been started is in the journal before it is in the history. */
async function resolve(text: string, runs: RunService, history: RunHistory): Promise<string> {
  if (/^[\w-]+$/.test(text) && (await runs.find(text)) !== undefined) return text;
  return history.resolve(text);
}
