import { type Clock, EdgeError, errorMessage, toErrorRecord } from '@edge-run/shared/kernel';
import { OPERATIONS, type ScheduleEntry } from '@edge-run/shared/protocol';
import { didYouMean } from '@edge-run/shared/schema';
import { globMatches } from '@edge-run/shared/target';
import { decodeValue, encodeValue } from '@edge-run/shared/values';
import { isWaiting } from '@edge-run/shared/view';
import type { Events } from '../events/index.ts';
import { type Operation, operation } from '../gateway/index.ts';
import type { Presence } from '../jobs/index.ts';
import type { Keyring } from '../keys/index.ts';
import type { RunHistory, RunnerCalls, RunService } from '../orchestration/index.ts';

/** What runs by the clock, as the operations see it. */
export interface Schedules {
  ls(): Promise<readonly ScheduleEntry[]>;
  next(name: string, count: number): Promise<readonly number[]>;
  run(name: string): Promise<{ readonly run?: string; readonly jid?: string }>;
}

/** What the operations on the master itself are answered with. */
export interface MasterOperationsOptions {
  readonly id: string;
  readonly version: string;
  readonly startedAt: number;
  readonly clock: Clock;
  /** Address of the HTTP API, while it is served. */
  readonly api: () => string | undefined;
  readonly events: Events;
  readonly runners: RunnerCalls;
  readonly runs: RunService;
  readonly history: RunHistory;
  readonly keyring: Keyring;
  readonly presence: Presence;
  readonly schedules: Schedules;
  /** Tag glob → reactor files. */
  readonly reactors: () => readonly { readonly tag: string; readonly files: readonly string[] }[];
}

const DEFAULT_EVENTS = 50;
const RUNNER_TIMEOUT_MS = 3_600_000;

/** What people ask about the master itself, its events, runners, reactors and schedules. */
export function masterOperations(options: MasterOperationsOptions): Readonly<Record<string, Operation>> {
  const { events, runners, schedules } = options;
  return {
    status: operation(OPERATIONS.status.args, () => status(options)),
    'runner.call': operation(OPERATIONS['runner.call'].args, async (args, caller, signal) => {
      if (!runners.has(args.fun)) {
        const hint = didYouMean(args.fun, runners.names());
        throw new EdgeError(
          'EDGE_UNKNOWN_FUNCTION',
          `no runner \`${args.fun}\``,
          { runner: args.fun },
          hint === '' ? {} : { hint },
        );
      }
      try {
        const { answer, result } = await runners.call({
          name: args.fun,
          args: args.args.map(decodeValue),
          kwargs: new Map(args.kwargs.map(([name, value]) => [name, decodeValue(value)])),
          by: caller.id,
          key: crypto.randomUUID(),
          signal: AbortSignal.any([signal, AbortSignal.timeout(args.timeoutMs ?? RUNNER_TIMEOUT_MS)]),
          report: () => {},
        });
        return { ret: encodeValue(answer), succeeded: result };
      } catch (error) {
        return { ret: errorMessage(error), succeeded: false, error: toErrorRecord(error) };
      }
    }),
    'events.send': operation(OPERATIONS['events.send'].args, async ({ tag, data }, caller) => {
      const { id } = await events.send({ tag, data, source: `user:${caller.id}` });
      return { id };
    }),
    'events.recent': operation(OPERATIONS['events.recent'].args, async ({ limit, since, tag }) => ({
      events: await events.recent({
        limit: limit ?? DEFAULT_EVENTS,
        ...(since === undefined ? {} : { since }),
        ...(tag === undefined ? {} : { tag: (candidate: string) => globMatches(tag, candidate) }),
      }),
    })),
    'schedule.ls': operation(OPERATIONS['schedule.ls'].args, async () => ({ schedules: await schedules.ls() })),
    'schedule.next': operation(OPERATIONS['schedule.next'].args, async ({ name, count }) => ({
      fires: await schedules.next(name, count),
    })),
    'schedule.run': operation(OPERATIONS['schedule.run'].args, ({ name }) => schedules.run(name)),
    'reactor.ls': operation(OPERATIONS['reactor.ls'].args, async () => ({ reactors: options.reactors() })),
  };
}

async function status({
  id,
  version,
  startedAt,
  keyring,
  presence,
  runs,
  history,
  api,
}: MasterOperationsOptions): Promise<unknown> {
  const keys = await keyring.list();
  const accepted = new Set(keyring.accepted());
  const open = history.list((run) => runs.active.includes(run));
  const url = api();
  return {
    ...(url === undefined ? {} : { api: url }),
    master: { id, version, startedAt },
    minions: {
      accepted: accepted.size,
      connected: presence.list().filter((entry) => entry.connected && accepted.has(entry.id)).length,
      pending: keys.filter(({ state }) => state === 'pending').length,
    },
    runs: {
      running: open.filter(({ state }) => state === 'running').length,
      orphaned: open.filter(({ state }) => state === 'orphaned').length,
      waiting: open.filter(({ state }) => isWaiting(state)).length,
    },
  };
}
