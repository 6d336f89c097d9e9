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
  const status = (): { up: string[]; down: string[] } => ({
    up: nodes.ids().filter(isUp),
    down: nodes.ids().filter((id) => !isUp(id)),
  });
  return [
    defineRunner({
      ...fleetRunnerDeclarations['manage.status'],
      plan: LOOKS,
      run: async () => status(),
    }),
    defineRunner({
      ...fleetRunnerDeclarations['manage.up'],
      plan: LOOKS,
      run: async () => status().up,
    }),
    defineRunner({
      ...fleetRunnerDeclarations['manage.down'],
      plan: LOOKS,
      run: async () => status().down,
    }),
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
