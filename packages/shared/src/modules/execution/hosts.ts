import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import {
  addName,
  namesOf,
  parseHosts,
  readHosts,
  removeName,
  setComment,
  setNames,
  writeHosts,
} from '../providers/hosts/index.ts';
import { hostCommentArg, hostNameArg, ipArg } from './hosts-arguments.ts';

/** Names and addresses of `/etc/hosts`. */
export const hostsFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'hosts.list_hosts',
    summary: 'Answer what the hosts file says.',
    args: z.object({}),
    returns: 'A mapping of addresses to {aliases, comment}; lines that are comments are `comment-0` and so on.',
    examples: [],
    run: async (_, { host }) => listed(await readHosts(host)),
  }),
  defineRead({
    name: 'hosts.get_ip',
    summary: 'Answer the first address of a name.',
    args: z.object({ host: hostNameArg }),
    returns: 'An address; empty where the name is not there.',
    examples: [{ title: 'of this machine', args: { host: 'localhost' } }],
    async run({ host: name }, { host }) {
      const line = parseHosts(await readHosts(host)).find(({ entry }) => entry?.names.includes(name));
      return line?.entry?.ip ?? '';
    },
  }),
  defineRead({
    name: 'hosts.get_alias',
    summary: 'Answer the names of an address.',
    args: z.object({ ip: ipArg }),
    returns: 'A list of names, in the order of the file.',
    examples: [],
    run: async ({ ip }, { host }) => namesOf(await readHosts(host), ip),
  }),
  defineRead({
    name: 'hosts.has_pair',
    summary: 'Answer whether an address has a name, or all names of a list.',
    args: z.object({
      ip: ipArg,
      alias: z.union([hostNameArg, z.array(hostNameArg)]).describe('Name, or several.'),
    }),
    returns: 'True or false.',
    examples: [],
    async run({ ip, alias }, { host }) {
      const names = namesOf(await readHosts(host), ip);
      return [alias].flat().every((name) => names.includes(name));
    },
  }),
  defineWrite({
    name: 'hosts.set_host',
    summary: 'Give an address exactly these names; with none, it is removed.',
    args: z.object({
      ip: ipArg,
      alias: z
        .string()
        .regex(/^[^\n\r#]*$/, 'is not a line of names')
        .describe('Names with spaces between.'),
      comment: hostCommentArg.nullish().describe('Comment behind the names; the present one stays where it is absent.'),
    }),
    returns: 'True.',
    examples: [{ title: 'two names', args: { ip: '192.0.2.7', alias: 'db1.example.com db1' } }],
    run: ({ ip, alias, comment }, ctx) => {
      const names = alias.split(/\s+/).filter((name) => name !== '');
      return edited(ctx, (text) => setNames(text, ip, names, comment || undefined));
    },
  }),
  defineWrite({
    name: 'hosts.add_host',
    summary: 'Give an address a name more.',
    args: z.object({ ip: ipArg, alias: hostNameArg }),
    returns: 'True.',
    examples: [],
    run: ({ ip, alias }, ctx) => edited(ctx, (text) => addName(text, ip, alias)),
  }),
  defineWrite({
    name: 'hosts.rm_host',
    summary: 'Take a name away from an address.',
    args: z.object({ ip: ipArg, alias: hostNameArg }),
    returns: 'True.',
    examples: [],
    run: ({ ip, alias }, ctx) => edited(ctx, (text) => removeName(text, ip, alias)),
  }),
  defineWrite({
    name: 'hosts.set_comment',
    summary: 'Set the comment of an address.',
    args: z.object({ ip: ipArg, comment: hostCommentArg }),
    returns: 'True; false where the file does not have the address.',
    failed: (answer) => answer === false,
    examples: [],
    async run({ ip, comment }, ctx) {
      if (parseHosts(await readHosts(ctx.host)).every(({ entry }) => entry?.ip !== ip)) return false;
      return await edited(ctx, (text) => setComment(text, ip, comment));
    },
  }),
];

async function edited({ host }: ModuleContext<Host>, edit: (text: string) => string): Promise<true> {
  const before = await readHosts(host);
  const after = edit(before);
  if (after !== before) await writeHosts(host, after);
  return true;
}

/** A hosts file as Salt 3006 lists it (modules/hosts.py, _list_hosts). */
function listed(text: string): Record<string, unknown> {
  const all: Record<string, { aliases: string[]; comment?: string } | string[]> = {};
  let comments = 0;
  for (const { text: line, entry } of parseHosts(text)) {
    if (entry === undefined) {
      if (line.trim() !== '') all[`comment-${comments++}`] = [line.trim()];
      continue;
    }
    const known = all[entry.ip];
    const aliases = known === undefined || Array.isArray(known) ? [] : known.aliases;
    const comment = entry.comment ?? (known === undefined || Array.isArray(known) ? undefined : known.comment);
    all[entry.ip] = { aliases: [...aliases, ...entry.names], ...(comment === undefined ? {} : { comment }) };
  }
  return all;
}
