import type { EdgeError, JsonValue } from '@edge-run/shared/kernel';
import { OPERATIONS } from '@edge-run/shared/protocol';
import { decodeValue, PyMap } from '@edge-run/shared/values';
import { type Operation, operation } from '../gateway/index.ts';
import type { Locks } from '../leases/index.ts';
import {
  type RunCommands,
  type RunHistory,
  type RunPreviews,
  type RunRequest,
  type RunService,
  withoutPlan,
} from '../orchestration/index.ts';
import type { Simulation, SimulationRequest } from '../simulation/index.ts';

/** Newest first, and no more than a screen can take when nobody says. */
const DEFAULT_LIMIT = 50;

/** What answers questions about orchestrations. */
export interface OrchParts {
  readonly runs: RunService;
  readonly commands: RunCommands;
  readonly previews: RunPreviews;
  readonly locks: Locks;
  readonly history: RunHistory;
  simulate(request: SimulationRequest): Promise<Simulation>;
}

/** What people ask about orchestrations. */
export function orchOperations(parts: OrchParts): Readonly<Record<string, Operation>> {
  return { ...runOperations(parts), ...controlOperations(parts) };
}

function runOperations({ runs, history, locks, simulate }: OrchParts): Readonly<Record<string, Operation>> {
  const isOwned = (run: string): boolean => runs.active.includes(run);
  return {
    'orch.run': operation(OPERATIONS['orch.run'].args, async (args, caller) => {
      const request: RunRequest = {
        ...requestOf(args, caller.id),
        ...(args.test === undefined ? {} : { test: args.test }),
        ...(args.expect === undefined ? {} : { expect: args.expect }),
      };
      return { run: await runs.start(request) };
    }),
    'orch.simulate': operation(
      OPERATIONS['orch.simulate'].args,
      async ({ hosts, fail = [], unreachable = [], slowShare = 0, ...args }, caller) => {
        const faults = { fail, unreachable, slowShare };
        return simulate({ ...requestOf(args, caller.id), faults, ...(hosts === undefined ? {} : { hosts }) });
      },
    ),
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
      const run = await resolveRun(args.run, runs, history);
      return { run, events: (await runs.events(run)).map(withoutPlan) };
    }),
    'orch.locks': operation(OPERATIONS['orch.locks'].args, async () => ({
      locks: (await locks.list()).map(({ entry, place }) => ({
        ...{ run: entry.run, name: entry.name, by: entry.by, locks: [...entry.locks], since: entry.at },
        position: place.kind === 'queued' ? place.position : 0,
      })),
    })),
  };
}

function controlOperations({ runs, commands, previews, history }: OrchParts): Readonly<Record<string, Operation>> {
  const find = (text: string): Promise<string> => resolveRun(text, runs, history);
  return {
    'orch.abort': operation(OPERATIONS['orch.abort'].args, async ({ run: text, rollback = false }, caller) => {
      const run = await find(text);
      try {
        await commands.abort(run, caller.id, { rollback });
        return { run, cancelling: true };
      } catch (error) {
        if ((error as EdgeError).code === 'EDGE_RUN_ENDED') return { run, cancelling: false };
        throw error;
      }
    }),
    'orch.pause': operation(OPERATIONS['orch.pause'].args, async ({ run: text, reason }, caller) => {
      const run = await find(text);
      await commands.pause(run, caller.id, reason);
      return { run };
    }),
    'orch.resume': operation(OPERATIONS['orch.resume'].args, async ({ run: text }, caller) => {
      const run = await find(text);
      await commands.resume(run, caller.id);
      return { run };
    }),
    'orch.retry': operation(OPERATIONS['orch.retry'].args, async ({ run, pillar, ...wishes }, caller) => ({
      run: await runs.retry(await find(run), caller.id, { ...wishes, ...pillarOf(pillar) }),
    })),
    'orch.preview': operation(
      OPERATIONS['orch.preview'].args,
      async ({ run: text, action, pillar, ...wishes }, caller) => {
        const run = await find(text);
        if (action === 'resume') return previews.resume(run);
        return previews.retry(run, { ...wishes, ...pillarOf(pillar), by: caller.id });
      },
    ),
    'orch.rollback': operation(OPERATIONS['orch.rollback'].args, async ({ run }, caller) => ({
      run: await runs.rollback(await find(run), caller.id),
    })),
    'orch.approve': operation(OPERATIONS['orch.approve'].args, async ({ run: text, ...what }, caller) => {
      const run = await find(text);
      await commands.approve(run, caller.id, what);
      return { run };
    }),
    'orch.reject': operation(OPERATIONS['orch.reject'].args, async ({ run: text, ...what }, caller) => {
      const run = await find(text);
      await commands.reject(run, caller.id, what);
      return { run };
    }),
    'orch.answer': operation(OPERATIONS['orch.answer'].args, async ({ run: text, choice, step }, caller) => {
      const run = await find(text);
      await commands.answer(run, caller.id, choice, step);
      return { run };
    }),
  };
}

/** What somebody asks to be run, out of an operation's arguments. */
function requestOf(
  args: {
    readonly name: string;
    readonly saltenv?: string | undefined;
    readonly pillarenv?: string | undefined;
    readonly pillar?: JsonValue | undefined;
    readonly options?: JsonValue | undefined;
  },
  by: string,
): RunRequest {
  const options = args.options === undefined ? undefined : decodeValue(args.options);
  return {
    ...{ name: args.name, by },
    ...(args.saltenv === undefined ? {} : { saltenv: args.saltenv }),
    ...(args.pillarenv === undefined ? {} : { pillarenv: args.pillarenv }),
    ...pillarOf(args.pillar),
    ...(options instanceof PyMap ? { options } : {}),
  };
}

function pillarOf(encoded: JsonValue | undefined): { readonly pillar?: PyMap } {
  const pillar = encoded === undefined ? undefined : decodeValue(encoded);
  return pillar instanceof PyMap ? { pillar } : {};
}

/** The id that is meant. A run that has just been started is in the journal before it is in the history. */
export async function resolveRun(text: string, runs: RunService, history: RunHistory): Promise<string> {
  if (/^[\w-]+$/.test(text) && (await runs.find(text)) !== undefined) return text;
  return history.resolve(text);
}
