import { newId } from '@edge-run/shared/kernel';
import { fleetRunnerDeclarations } from '@edge-run/shared/protocol';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import type { Events } from '../events/index.ts';
import type { JobService, Presence } from '../jobs/index.ts';
import type { Nodes } from '../nodes/index.ts';
import { defineRunner, LOOKS, type Runner } from './contract.ts';

/** Runners that tell of hosts, jobs and events, under Salt's names. */
export function fleetRunners({
  nodes,
  presence,
  jobs,
  events,
}: {
  nodes: Nodes;
  presence: Presence;
  jobs: JobService;
  events: Events;
}): readonly Runner[] {
  const isUp = (id: string): boolean => nodes.kindOf(id) === 'ssh' || presence.goneSince(id) === undefined;
  const status = async (tgt = '*', tgtType = 'glob'): Promise<{ up: string[]; down: string[] }> => {
    const ids = tgt === '*' ? nodes.ids() : (await nodes.select(tgt, tgtType)).matched.map(({ id }) => id);
    return { up: ids.filter(isUp), down: ids.filter((id) => !isUp(id)) };
  };
  return [
    defineRunner({
      ...fleetRunnerDeclarations['manage.status'],
      plan: LOOKS,
      run: ({ tgt, tgt_type }) => status(tgt, tgt_type),
    }),
    defineRunner({
      ...fleetRunnerDeclarations['manage.up'],
      plan: LOOKS,
      run: async ({ tgt, tgt_type }) => (await status(tgt, tgt_type)).up,
    }),
    defineRunner({
      ...fleetRunnerDeclarations['manage.down'],
      plan: LOOKS,
      run: async ({ tgt, tgt_type }) => (await status(tgt, tgt_type)).down,
    }),
    ...(['manage.present', 'manage.alived'] as const).map((name) =>
      defineRunner({ ...fleetRunnerDeclarations[name], plan: LOOKS, run: async () => (await status()).up }),
    ),
    ...(['manage.not_present', 'manage.not_alived'] as const).map((name) =>
      defineRunner({ ...fleetRunnerDeclarations[name], plan: LOOKS, run: async () => (await status()).down }),
    ),
    defineRunner({
      ...fleetRunnerDeclarations['cache.grains'],
      plan: LOOKS,
      run: async ({ tgt, tgt_type }) =>
        new PyMap((await nodes.select(tgt, tgt_type)).matched.map(({ id }) => [id, nodes.factsOf(id)])),
    }),
    defineRunner({
      ...fleetRunnerDeclarations['jobs.list_jobs'],
      plan: LOOKS,
      run: async () =>
        Object.fromEntries(
          (await jobs.ls()).map(({ jid, fun, target, targetType, by, issuedAt }) => [
            jid,
            {
              Function: fun,
              Target: target,
              'Target-type': targetType,
              User: by,
              StartTime: new Date(issuedAt).toISOString(),
            },
          ]),
        ),
    }),
    defineRunner({
      ...fleetRunnerDeclarations['jobs.active'],
      plan: LOOKS,
      run: async () =>
        Object.fromEntries(
          (await jobs.active(nodes.ids())).map(({ jid, fun, by, running, queued }) => [
            jid,
            { Function: fun, User: by, Running: [...running], Queued: [...queued] },
          ]),
        ),
    }),
    defineRunner({
      ...fleetRunnerDeclarations['jobs.lookup_jid'],
      plan: LOOKS,
      run: async ({ jid }) => new PyMap([...(await jobs.show(jid)).targets].map(([id, { ret }]) => [id, ret ?? null])),
    }),
    defineRunner({
      ...fleetRunnerDeclarations['event.send'],
      plan: {
        kind: 'planned',
        plan: async ({ tag, data }) => ({ effect: 'changes', changes: { tag, data: data ?? null } }),
      },
      run: async ({ tag, data }, { key }) => {
        await events.send({ tag, data: encodeValue(data ?? new PyMap()), id: key || newId() });
        return true;
      },
    }),
  ];
}
