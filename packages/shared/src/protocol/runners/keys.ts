import { z } from 'zod';
import { runner } from './runner.ts';

/** What `key.list` may be asked for. */
const KEY_LISTS = ['acc', 'accepted', 'pre', 'un', 'unaccepted', 'rej', 'rejected', 'den', 'denied', 'all'] as const;

const ids = z.array(z.string()).optional();
const listsArg = {
  match: z
    .strictObject({ minions: ids, minions_pre: ids, minions_rejected: ids, minions_denied: ids })
    .describe('Name of the list → ids, as `key.list_all` answers them.'),
};
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
  'key.accept_dict': runner({
    name: 'key.accept_dict',
    summary: 'Lets the listed hosts in.',
    returns: '`minions`: the ids.',
    args: z.object({ ...listsArg, include_rejected: z.boolean().default(false).describe('Rejected ones too.') }),
    examples: [{ title: 'one host', args: { match: { minions_pre: ['web1'] } } }],
  }),
  'key.reject_dict': runner({
    name: 'key.reject_dict',
    summary: 'Refuses the listed hosts.',
    returns: '`minions_rejected`: the ids.',
    args: z.object({ ...listsArg, include_accepted: z.boolean().default(false).describe('Accepted ones too.') }),
    examples: [{ title: 'one host', args: { match: { minions_pre: ['web1'] } } }],
  }),
  'key.delete_dict': runner({
    name: 'key.delete_dict',
    summary: 'Forgets the listed hosts; one that nobody knows is forgotten already.',
    returns: 'The ids.',
    args: z.object(listsArg),
    examples: [{ title: 'one host', args: { match: { minions: ['web1'] } } }],
  }),
  'key.finger': runner({
    name: 'key.finger',
    summary: 'Answers the fingerprints of keys.',
    returns: 'Name of the list → id → fingerprint, without empty lists.',
    args: z.object(matchArg),
    examples: [{ title: 'one host', args: { match: 'web1' } }],
  }),
  'key.delete': runner({
    name: 'key.delete',
    summary: 'Forgets hosts, whatever the state of their keys; when nobody matches, they are forgotten already.',
    returns: 'The ids.',
    args: z.object(matchArg),
    examples: [{ title: 'one host', args: { match: 'web1' } }],
  }),
};
