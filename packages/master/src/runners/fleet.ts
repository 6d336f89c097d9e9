import { newId } from '@edge-run/shared/kernel';
import { anyValue } from '@edge-run/shared/schema';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import type { Events } from '../events/index.ts';
import type { JobService, Presence } from '../jobs/index.ts';
import type { Nodes } from '../nodes/index.ts';
import { defineRunner, type Runner } from './contract.ts';

const none = z.object({});

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
      name: 'manage.status',
      summary: 'Tells which hosts are connected.',
      returns: '`up` and `down`: ids.',
      args: none,
      examples: [{ title: 'all', args: {} }],
      run: async () => status(),
    }),
    defineRunner({
      name: 'manage.up',
      summary: 'Tells which hosts are connected.',
      returns: 'Ids.',
      args: none,
      examples: [{ title: 'all', args: {} }],
      run: async () => status().up,
    }),
    defineRunner({
      name: 'manage.down',
      summary: 'Tells which hosts are not connected.',
      returns: 'Ids.',
      args: none,
      examples: [{ title: 'all', args: {} }],
      run: async () => status().down,
    }),
    defineRunner({
      name: 'cache.grains',
      summary: 'Answers the grains of hosts as they last told them.',
      returns: 'Id → grains.',
      args: z.object({
        tgt: z.string().default('*').describe('Which hosts.'),
        tgt_type: z.string().default('glob').describe('How `tgt` is read.'),
      }),
      examples: [{ title: 'one host', args: { tgt: 'web1' } }],
      run: async ({ tgt, tgt_type }) =>
        new PyMap((await nodes.select(tgt, tgt_type)).matched.map(({ id }) => [id, nodes.factsOf(id)])),
    }),
    defineRunner({
      name: 'jobs.list_jobs',
      summary: 'Lists jobs, newest first.',
      returns: 'Job id → function, target, who asked and when.',
      args: none,
      examples: [{ title: 'all', args: {} }],
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
      name: 'jobs.active',
      summary: 'Tells which jobs hosts have in hand.',
      returns: 'Job id → function, who asked, and the hosts on which it runs and on which it waits for others to end.',
      args: none,
      examples: [{ title: 'all', args: {} }],
      run: async () =>
        Object.fromEntries(
          (await jobs.active(nodes.ids())).map(({ jid, fun, by, running, queued }) => [
            jid,
            { Function: fun, User: by, Running: [...running], Queued: [...queued] },
          ]),
        ),
    }),
    defineRunner({
      name: 'jobs.lookup_jid',
      summary: 'Answers the returns of a job.',
      returns: 'Id → return.',
      args: z.object({ jid: z.string().describe('The job.') }),
      examples: [{ title: 'one job', args: { jid: '01K9' } }],
      run: async ({ jid }) => new PyMap([...(await jobs.show(jid)).targets].map(([id, { ret }]) => [id, ret ?? null])),
    }),
    defineRunner({
      name: 'event.send',
      summary: 'Publishes an event.',
      returns: 'True.',
      args: z.object({
        tag: z.string().describe('Such as `release/requested`.'),
        data: anyValue().optional().describe('Its data.'),
      }),
      examples: [{ title: 'a release', args: { tag: 'release/requested', data: new PyMap([['revision', 'v2']]) } }],
      run: async ({ tag, data }, { key }) => {
        await events.send({ tag, data: encodeValue(data ?? new PyMap()), id: key || newId() });
        return true;
      },
    }),
  ];
}
