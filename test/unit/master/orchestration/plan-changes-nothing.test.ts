import type { CloudDriver } from '@edge-run/master/cloud';
import type { LoadBalancer } from '@edge-run/master/loadbalancer';
import { foreseenWorldOf, type RunRecord, STEP_KINDS, type StepContext } from '@edge-run/master/orchestration';
import { createRunnerCalls, keyWheels, masterRunners, type Runner, type RunnerParts } from '@edge-run/master/runners';
import { createCatalog } from '@edge-run/shared/execute';
import { EdgeError, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { parseArguments } from '@edge-run/shared/schema';
import { buildGraph } from '@edge-run/shared/state';
import { fromPlain, PyMap, type Value } from '@edge-run/shared/values';
import { beforeEach, describe, expect, it } from 'vitest';

const { functions } = createCatalog();
const signal = new AbortController().signal;
/** What was called that may change something. */
let changed: string[] = [];
beforeEach(() => {
  changed = [];
});

/** Anything may be called of it; what is not named is noted as a change. */
function watched<T extends object>(name: string, looks: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(looks as T, {
    get: (own, key) =>
      key in own || typeof key === 'symbol' || key === 'then'
        ? Reflect.get(own, key)
        : () => {
            changed.push(`${name}.${key}`);
            return Promise.reject(new EdgeError('EDGE_INTERNAL', `${name}.${key} was called`));
          },
  });
}

function noteUnlessRead(fun: string): void {
  if (functions.get(fun)?.access !== 'read') changed.push(fun);
}

const noFiles = {
  environments: async () => ['base'],
  async *list() {
    yield { path: 'a/b.sls', digest: '', sizeBytes: 0, mode: 0 };
  },
};
const endedPlan = {
  ...{ id: 'plan-x', answers: new Map(), state: { graph: buildGraph({ chunks: [] }) }, foreseen: undefined },
  end: { exitCode: 0 },
} as unknown as RunRecord;

function runners(): readonly Runner[] {
  const parts = {
    master: 'master',
    log: silentLogger,
    runs: watched<RunnerParts['runs']>('runs', {
      start: async ({ test }: { test?: boolean }) => {
        if (test !== true) changed.push('runs.start');
        return 'plan-x';
      },
      wait: async () => endedPlan,
    }),
    commands: watched<RunnerParts['commands']>('commands', {}),
    cloud: watched<CloudDriver>('cloud', { kind: 'none', foresee: async () => 'created' }),
    jobs: watched<RunnerParts['jobs']>('jobs', {
      ls: async () => [],
      active: async () => [],
      show: async () => ({ targets: new Map() }),
    }),
    nodes: watched<RunnerParts['nodes']>('nodes', {
      ids: () => ['web1'],
      kindOf: () => 'minion',
      factsOf: () => new PyMap(),
      select: async () => ({ matched: [{ id: 'web1' }] }),
    }),
    mine: watched<RunnerParts['mine']>('mine', { get: async () => new PyMap() }),
    fileServer: watched<RunnerParts['fileServer']>('fileServer', { files: noFiles }),
    presence: watched<RunnerParts['presence']>('presence', { goneSince: () => undefined }),
    events: watched<RunnerParts['events']>('events', {}),
    executor: watched<RunnerParts['executor']>('executor', {
      execute: async ({ fun }: { fun: string }) => {
        noteUnlessRead(fun);
        return { outcome: 'succeeded', ret: true };
      },
    }),
    runtime: watched<RunnerParts['runtime']>('runtime', { catalog: createCatalog() }),
  };
  return masterRunners(parts as unknown as RunnerParts);
}

function wheels(): readonly Runner[] {
  const key = { id: 'web1' };
  const list = async () => (['accepted', 'pending', 'rejected'] as const).map((state) => ({ ...key, state }));
  return keyWheels(watched<Parameters<typeof keyWheels>[0]>('keys', { list }));
}

const world = foreseenWorldOf(endedPlan);
const request = { by: 'run:plan-x', key: 'plan-x-1', signal, report: () => {} };

const declared = [...runners(), ...wheels()];

describe('a plan changes nothing', () => {
  it.each(declared.map((runner) => [runner.name, runner] as const))('through the runner %s', async (name, runner) => {
    expect(runner.examples.length).toBeGreaterThan(0);
    for (const { args } of runner.examples) {
      const kwargs = fromPlain(args) as PyMap;
      const call = {
        ...request,
        name,
        args: [],
        kwargs: new Map([...kwargs].map(([key, value]) => [String(key), value])),
      };
      const { foreseen } = await createRunnerCalls([runner]).plan({ ...call, world });
      expect(['nothing', 'changes', 'unknown']).toContain(foreseen.effect);
      // One that says that it only looks may be called as it is.
      if (runner.plan.kind === 'looks')
        await createRunnerCalls([runner])
          .call(call)
          .catch(() => undefined);
    }
    expect(changed).toEqual([]);
  });

  it.each(STEP_KINDS.map((kind) => [kind.name, kind] as const))('through the step %s', async (_, kind) => {
    expect(kind.examples.length).toBeGreaterThan(0);
    for (const { args } of kind.examples) {
      const kwargs = new Map([...(fromPlain(args) as PyMap)].map(([key, value]) => [String(key), value]));
      const parsed = parseArguments(kind, { args: [], kwargs });
      expect(parsed.diagnostics).toEqual([]);
      const planned = await kind.plan(parsed.value as never, stepContext(), {
        ...{ functions, isLate: false, world, coming: new Map(), leaves: new Map(), touched: new Map() },
      });
      expect(planned.foreseen?.effect ?? planned.result).toBeDefined();
    }
    expect(changed).toEqual([]);
  });
});

function stepContext(): StepContext {
  const ports: StepContext['ports'] = {
    jobs: watched<StepContext['ports']['jobs']>('jobs', {
      select: async () => ['web1'],
      run: async ({ fun, kwargs }: { fun: string; kwargs: ReadonlyMap<string, Value> }) => {
        if (!(fun.startsWith('state.') && kwargs.get('test') === true)) noteUnlessRead(fun);
        return { jid: 'x', targets: new Map([['web1', { outcome: 'succeeded', ret: new PyMap(), retcode: 0 }]]) };
      },
    }),
    runners: createRunnerCalls(runners()),
    wheels: createRunnerCalls(wheels()),
    events: watched<StepContext['ports']['events']>('events', {}),
    balancer: async () => ({
      ...{ pool: 'shop', id: 'shop' },
      balancer: watched<LoadBalancer>('balancer', {
        capabilities: {
          countsSessions: true,
          cutsSessions: true,
          drainAdmitsBoundClients: false,
          keepsStateOverReload: false,
        },
        members: async () => [{ id: 'app1', address: '', admin: 'enabled', health: 'up', sessions: 0 }],
      }),
    }),
    reservations: watched<StepContext['ports']['reservations']>('reservations', {}),
    approved: async () => {
      changed.push('approved');
      return [];
    },
    fleet: { factsOf: () => new PyMap(), nodegroups: {} },
    returners: new Map(),
    isRosterHost: () => false,
    clock: systemClock,
  };
  const ofJob = { id: 'plan-x', epoch: 1 };
  const run = { id: 'plan-x', ofJob, pillar: new PyMap(), saltenv: 'base', pillarenv: undefined, testing: true };
  return {
    ...{ run: { ...run, dropped: new Set() }, step: 's', onlyHosts: undefined, jid: 'plan-x-1', ports, signal },
    ...{ log: silentLogger, report: () => {}, startedAt: 0, eventsSince: undefined },
  };
}
