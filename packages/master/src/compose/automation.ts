import { HostRuntime } from '@edge-run/shared/execute';
import { openReactorFile } from '@edge-run/shared/files';
import { compiled, DiagnosticsError, EdgeError, hasErrors } from '@edge-run/shared/kernel';
import { parseSchedules } from '@edge-run/shared/schedule';
import { PyMap } from '@edge-run/shared/values';
import type { Schedules } from '../operations/index.ts';
import type { RunnerCalls } from '../orchestration/index.ts';
import { type RenderReaction, startReactor } from '../reactor/index.ts';
import { openScheduleState, startScheduler } from '../scheduler/index.ts';
import type { Core } from './core.ts';
import type { Fleet } from './fleet.ts';

/** What automation acts through. */
export interface AutomationOptions {
  readonly core: Core;
  readonly fleet: Fleet;
  readonly runners: RunnerCalls;
  readonly wheels: RunnerCalls;
}

/** What runs without anybody asking. */
export interface Automation {
  readonly schedules: Schedules;
  readonly reactors: () => readonly { readonly tag: string; readonly files: readonly string[] }[];
  /** Resolves when nothing is in hand any more, after the signal has aborted. */
  stop(): Promise<void>;
}

/** Starts the reactor and the scheduler. @throws DiagnosticsError for a schedule that is not valid */
export async function startAutomation({ core, fleet, runners, wheels }: AutomationOptions): Promise<Automation> {
  const { config, connections, events, clock, log, signal } = core;
  const { dispatcher } = fleet;
  const { connection } = connections.bus;
  const { jobs: schedules, diagnostics } = parseSchedules(config.schedule, runners);
  if (hasErrors(diagnostics)) throw new DiagnosticsError(diagnostics);
  const work = { jobs: dispatcher, runners, clock, log, signal };
  const reactor = await startReactor({
    ...work,
    wheels,
    connection,
    events,
    config: config.reactor,
    render: renderReactions(core, fleet),
  });
  const scheduler = startScheduler({
    ...work,
    schedules,
    state: await openScheduleState(connection, clock),
    master: config.id,
  });
  return {
    schedules: scheduler,
    reactors: () => reactor.ls(),
    stop: async () => {
      await Promise.all([reactor.ended, scheduler.ended]);
    },
  };
}

/** Renders reactor files as the master: no pillar, and functions run on the master itself. */
function renderReactions({ log, signal }: Core, { base, facts, runners }: Fleet): RenderReaction {
  const runtime = new HostRuntime({ ...base, facts, runners, pillar: async () => compiled(new PyMap()) });
  return async (uri, variables) => {
    const file = await openReactorFile(base.files, uri);
    if (file === undefined) {
      throw new EdgeError(
        'EDGE_SLS_NOT_FOUND',
        `no reactor file ${uri}`,
        { uri },
        { hint: 'Correct `reactor` in the configuration.' },
      );
    }
    const { renderRequest } = await runtime.workplace({ signal, log });
    return base.renderData(renderRequest(file.text, file.path, new Map(Object.entries(variables))));
  };
}
