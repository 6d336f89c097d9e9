import { Locks, memoryLockStore, memoryReservationTables, Reservations, soleLease } from '@edge-run/master/leases';
import type { CompiledOrchestration, RunServiceOptions } from '@edge-run/master/orchestration';
import type { Clock } from '@edge-run/shared/kernel';
import type { Plan } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';

/** Locks in memory of runs that never end unheard of. */
export function freeLocks(clock: Clock): Locks {
  return new Locks({ store: memoryLockStore(), ended: async () => new Set(), clock });
}

/** Reservations in memory of a master that is alone. */
export function freeReservations(master: string, clock: Clock): Reservations {
  return new Reservations({
    ...{ storeOf: memoryReservationTables(), lease: soleLease(master), clock },
    ended: async () => new Set(),
  });
}

/** What a run service needs beside its journal and its steps, for a master that is alone. */
export function aloneMaster(
  id: string,
  clock: Clock,
): Pick<RunServiceOptions, 'master' | 'clock' | 'lease' | 'locks' | 'sources' | 'select' | 'afterCrash' | 'publish'> {
  return {
    ...{ master: id, clock, lease: soleLease(id), locks: freeLocks(clock) },
    sources: async () => ({}),
    select: async () => [],
    afterCrash: () => 'rerun',
    publish: () => {},
  };
}

/** A plan without words of its own, as an orchestration that was compiled. */
export function plainOrchestration(
  name: string,
  plan: Plan,
  options: Partial<CompiledOrchestration['options']> = {},
): CompiledOrchestration {
  return {
    name,
    stored: { plan, settings: {}, undo: { chunks: [] }, pillar: new PyMap() },
    options: { locks: [], onFailure: 'continue', onTargetFailure: 'stop', ...options },
    steps: [],
    sources: {},
  };
}
