import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { runner } from './runner.ts';

const none = z.object({});
const some = z.object({
  tgt: z.string().default('*').describe('Which hosts.'),
  tgt_type: z.string().default('glob').describe('How `tgt` is read.'),
  timeout: z
    .number()
    .nullish()
    .describe('Accepted for Salt trees: nobody is asked, the master knows who is connected.'),
  gather_job_timeout: z.number().nullish().describe('Accepted for Salt trees, as `timeout`.'),
});
const all = [{ title: 'all', args: {} }];
const controllers = [...all, { title: 'some', args: { tgt: 'role:controller', tgt_type: 'grain' } }];

/** Runners that tell of hosts, jobs and events, under Salt's names. */
export const fleetRunnerDeclarations = {
  'manage.status': runner({
    name: 'manage.status',
    summary: 'Tells which hosts are connected.',
    returns: '`up` and `down`: ids.',
    args: some,
    examples: controllers,
  }),
  'manage.up': runner({
    name: 'manage.up',
    summary: 'Tells which hosts are connected.',
    returns: 'Ids.',
    args: some,
    examples: controllers,
  }),
  'manage.down': runner({
    name: 'manage.down',
    summary: 'Tells which hosts are not connected.',
    returns: 'Ids.',
    args: some,
    examples: controllers,
  }),
  'manage.present': runner({
    name: 'manage.present',
    summary: 'Tells which hosts are connected.',
    returns: 'Ids.',
    args: none,
    examples: all,
  }),
  'manage.not_present': runner({
    name: 'manage.not_present',
    summary: 'Tells which hosts are not connected.',
    returns: 'Ids.',
    args: none,
    examples: all,
  }),
  'manage.alived': runner({
    name: 'manage.alived',
    summary: 'Tells which hosts are connected.',
    returns: 'Ids.',
    args: none,
    examples: all,
  }),
  'manage.not_alived': runner({
    name: 'manage.not_alived',
    summary: 'Tells which hosts are not connected.',
    returns: 'Ids.',
    args: none,
    examples: all,
  }),
  'cache.grains': runner({
    name: 'cache.grains',
    summary: 'Answers the grains of hosts as they last told them.',
    returns: 'Id → grains.',
    args: z.object({
      tgt: z.string().default('*').describe('Which hosts.'),
      tgt_type: z.string().default('glob').describe('How `tgt` is read.'),
    }),
    examples: [{ title: 'one host', args: { tgt: 'web1' } }],
  }),
  'jobs.list_jobs': runner({
    name: 'jobs.list_jobs',
    summary: 'Lists jobs, newest first.',
    returns: 'Job id → function, target, who asked and when.',
    args: none,
    examples: [{ title: 'all', args: {} }],
  }),
  'jobs.active': runner({
    name: 'jobs.active',
    summary: 'Tells which jobs hosts have in hand.',
    returns: 'Job id → function, who asked, and the hosts on which it runs and on which it waits for others to end.',
    args: none,
    examples: [{ title: 'all', args: {} }],
  }),
  'jobs.lookup_jid': runner({
    name: 'jobs.lookup_jid',
    summary: 'Answers the returns of a job.',
    returns: 'Id → return.',
    args: z.object({ jid: z.string().describe('The job.') }),
    examples: [{ title: 'one job', args: { jid: '01K9' } }],
  }),
  'event.send': runner({
    name: 'event.send',
    summary: 'Publishes an event.',
    returns: 'True.',
    args: z.object({
      tag: z.string().describe('Such as `release/requested`.'),
      data: anyValue().optional().describe('Its data.'),
    }),
    examples: [{ title: 'a release', args: { tag: 'release/requested', data: new PyMap([['revision', 'v2']]) } }],
  }),
};
