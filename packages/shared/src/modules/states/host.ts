import { z } from 'zod';
import { changesOf, defineState, inSync, type StateModule, type Verdict } from '../contract/index.ts';
import { hostCommentArg, hostNameArg, ipArg } from '../execution/hosts-arguments.ts';
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
import { unifiedDiff } from '../text/index.ts';

const ipsArg = z
  .union([ipArg, z.array(ipArg)])
  .transform((ip) => [ip].flat())
  .describe('Address, or several.');

/** Names and addresses of `/etc/hosts` as they should be. */
export const hostStates: readonly StateModule[] = [
  defineState({
    name: 'host.present',
    summary: 'Ensure a name has an address in the hosts file.',
    effect: 'repair',
    args: z.object({
      name: hostNameArg,
      ip: ipsArg,
      comment: hostCommentArg.default('').describe('Comment behind the names.'),
      clean: z.boolean().default(false).describe('Take the name away from every other address.'),
    }),
    examples: [
      { title: 'one address', args: { name: 'db1', ip: '192.0.2.7' } },
      { title: 'this address and no other', args: { name: 'db1', ip: ['192.0.2.7', '2001:db8::7'], clean: true } },
    ],
    async check({ name, ip, comment, clean }, { host }) {
      const before = await readHosts(host);
      const others = parseHosts(before).flatMap(({ entry }) =>
        entry?.names.includes(name) && !ip.includes(entry.ip) ? [entry.ip] : [],
      );
      const added = ip.filter((address) => !namesOf(before, address).includes(name));
      const commented = ip.filter((address) => comment !== '' && !hasComment(before, address, name, comment));
      const removed = clean ? others : [];
      const edit = (text: string): string => {
        const named = ip.reduce((now, address) => addName(now, address, name), text);
        const said =
          comment === '' ? named : ip.reduce((now, address) => setComment(now, address, comment, name), named);
        return removed.reduce((now, address) => removeName(now, address, name), said);
      };
      const lines = (word: string, addresses: readonly string[]): string[] =>
        addresses.map((address) => `${word} host ${name} (${address})`);
      const also = clean ? [] : others.map((address) => `Host ${name} also has ${address}; clean: True removes it`);
      const comments = [
        ...lines('Added', added),
        ...commented.map((address) => `Set comment for host ${address} (${comment})`),
        ...lines('Removed', removed),
      ];
      const present = ip.map((address) => `Host ${name} (${address}) already present`);
      return verdict(before, edit, {
        done: comments.join('\n'),
        inSync: [...present, ...also].join('\n'),
        changes: {
          ...listing('added', added, name),
          ...listing('comment_added', commented, comment),
          ...listing('removed', removed, name),
        },
      });
    },
  }),
  defineState({
    name: 'host.absent',
    summary: 'Ensure a name does not have an address in the hosts file.',
    effect: 'repair',
    args: z.object({ name: hostNameArg, ip: ipsArg }),
    examples: [{ title: 'an old address', args: { name: 'db1', ip: '192.0.2.9' } }],
    async check({ name, ip }, { host }) {
      const before = await readHosts(host);
      const edit = (text: string): string => ip.reduce((now, address) => removeName(now, address, name), text);
      const found = ip.filter((address) => namesOf(before, address).includes(name));
      return verdict(before, edit, {
        done: found.map((address) => `Removed host ${name} (${address})`).join('\n'),
        inSync: ip.map((address) => `Host ${name} (${address}) already absent`).join('\n'),
        changes: { host: name },
      });
    },
  }),
  defineState({
    name: 'host.only',
    summary: 'Ensure an address has exactly these names in the hosts file, in this order.',
    effect: 'repair',
    args: z.object({
      name: ipArg.describe('Address.'),
      hostnames: z
        .union([z.string(), z.array(z.string())])
        .transform((names) => [names].flat().flatMap((text) => text.split(/\s+/).filter((word) => word !== '')))
        .pipe(z.array(hostNameArg))
        .describe('Names; with none, the address is removed.'),
    }),
    examples: [
      { title: 'the names of this machine', args: { name: '127.0.1.1', hostnames: ['web1.example.com', 'web1'] } },
    ],
    async check({ name, hostnames }, { host }) {
      const before = await readHosts(host);
      const [old, now] = [namesOf(before, name).join(' '), hostnames.join(' ')];
      return verdict(before, (text) => setNames(text, name, hostnames), {
        done: `successfully changed ${name} from "${old}" to "${now}"`,
        inSync: `IP address ${name} already set to "${now}"`,
        changes: { [name]: { old, new: now } },
      });
    },
  }),
];

function hasComment(text: string, ip: string, name: string, comment: string): boolean {
  const line = parseHosts(text).find(({ entry }) => entry?.ip === ip && entry.names.includes(name));
  return line?.entry?.comment === comment;
}

function listing(key: string, addresses: readonly string[], value: string): object {
  if (addresses.length === 0) return {};
  return { [key]: Object.fromEntries(addresses.map((address) => [address, [value]])) };
}

/** What an edit of the hosts file would do. */
function verdict(
  before: string,
  edit: (text: string) => string,
  said: { readonly done: string; readonly inSync: string; readonly changes: object },
): Verdict {
  const after = edit(before);
  if (after === before) return inSync(said.inSync);
  return changesOf({
    what: said.done,
    before,
    after,
    changes: said.changes,
    diff: unifiedDiff(before, after),
    async apply({ host }) {
      // Read again: an earlier change of this run may have been to the same file.
      await writeHosts(host, edit(await readHosts(host)));
      return undefined;
    },
  });
}
