import { z } from 'zod';
import { runner } from './runner.ts';

/** What `key.list` may be asked for. */
const KEY_LISTS = ['acc', 'accepted', 'pre', 'un', 'unaccepted', 'rej', 'rejected', 'den', 'denied', 'all'] as const;

const matchArg = { match: z.string().describe('Ids: an id or a glob.') };

/** Functions about the keys of hosts, under the names of Salt's wheels. */
export const keyWheelDeclarations = {
  'key.list': runner({
    name: 'key.list',
    summary: 'Lists the keys in a state.',
    returns: 'Name of the list → ids.',
    args: z.object({
      match: z.enum(KEY_LISTS).describe('The state of the keys.'),
    }),
    examples: [{ title: 'who is in', args: { match: 'accepted' } }],
  }),
  'key.list_all': runner({
    name: 'key.list_all',
    summary: 'Lists all keys.',
    returns: 'Name of the list → ids.',
    args: z.object({}),
    examples: [{ title: 'all', args: {} }],
  }),
  'key.name_match': runner({
    name: 'key.name_match',
    summary: 'Lists the keys of some ids.',
    returns: 'Name of the list → ids, without empty lists.',
    args: z.object(matchArg),
    examples: [{ title: 'one host', args: { match: 'web1' } }],
  }),
  'key.accept': runner({
    name: 'key.accept',
    summary: 'Lets hosts in.',
    returns: '`minions`: the ids.',
    args: z.object({ ...matchArg, include_rejected: z.boolean().default(false).describe('Rejected ones too.') }),
    examples: [{ title: 'one host', args: { match: 'web1' } }],
  }),
  'key.reject': runner({
    name: 'key.reject',
    summary: 'Refuses hosts.',
    returns: '`minions_rejected`: the ids.',
    args: z.object({ ...matchArg, include_accepted: z.boolean().default(false).describe('Accepted ones too.') }),
    examples: [{ title: 'one host', args: { match: 'web1' } }],
  }),
  'key.delete': runner({
    name: 'key.delete',
    summary: 'Forgets hosts, whatever the state of their keys.',
    returns: 'The ids.',
    args: z.object(matchArg),
    examples: [{ title: 'one host', args: { match: 'web1' } }],
  }),
};
