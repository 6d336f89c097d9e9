import { z } from 'zod';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { mustRun } from '../operations/index.ts';
import { listGroups, listUsers } from '../providers/accounts.ts';

const nameArg = z
  .string()
  .regex(/^[^-:\n][^:\n]*$/, 'not a name')
  .describe('Name.');

/** Users and groups as they should be. */
export const userStates: readonly StateModule[] = [
  defineState({
    name: 'user.present',
    summary: 'Ensure a user exists as described.',
    effect: 'repair',
    needs: ['useradd', 'usermod'],
    args: z.object({
      name: nameArg,
      uid: z.coerce.number().int().optional().describe('User number.'),
      gid: z.union([z.string(), z.number()]).optional().describe('Primary group, name or number.'),
      usergroup: z.boolean().optional().describe('Make a group of the same name; that of the system where absent.'),
      groups: z.array(z.string()).optional().describe('Further groups; they must exist.'),
      optional_groups: z.array(z.string()).default([]).describe('Further groups, those of them that exist.'),
      remove_groups: z.boolean().default(true).describe('Take the user out of groups not named.'),
      home: z.string().optional().describe('Home directory.'),
      createhome: z.boolean().default(true).describe('Make the home directory.'),
      shell: z.string().optional().describe('Login shell.'),
      fullname: z.string().optional().describe('Full name.'),
      system: z.boolean().default(false).describe('A user of the system.'),
      unique: z.boolean().default(true).describe('False allows a number somebody has.'),
    }),
    examples: [
      {
        title: 'for an application',
        args: { name: 'app', system: true, home: '/srv/app', shell: '/usr/sbin/nologin' },
      },
    ],
    async check(args, { host }) {
      const { name } = args;
      const groups = await listGroups(host);
      const missing = (args.groups ?? []).filter((group) => groups.every((entry) => entry.name !== group));
      if (missing.length > 0) return refused(`The following group(s) are not present: ${missing.join(',')}`);
      const wantedGroups =
        args.groups === undefined && args.optional_groups.length === 0
          ? undefined
          : [
              ...(args.groups ?? []),
              ...args.optional_groups.filter((group) => groups.some((entry) => entry.name === group)),
            ];
      const gid =
        args.gid === undefined
          ? undefined
          : (groups.find((entry) => entry.name === String(args.gid))?.gid ?? Number(args.gid));
      if (Number.isNaN(gid)) return refused(`Group ${args.gid} is not present`);
      const user = (await listUsers(host)).find((entry) => entry.name === name);
      if (user === undefined) {
        const flags = pairs(
          ['-u', args.uid],
          ['-g', args.gid],
          ['-G', wantedGroups?.join(',')],
          ['-d', args.home],
          ['-s', args.shell],
          ['-c', args.fullname],
        );
        const switches = [
          args.unique ? '' : '-o',
          args.system ? '-r' : '',
          args.createhome ? '-m' : '-M',
          args.usergroup === undefined ? '' : args.usergroup ? '-U' : '-N',
        ];
        return changesOf(
          running(`user ${name}: exists`, null, name, { name }, [
            'useradd',
            ...flags,
            ...switches.filter((flag) => flag !== ''),
            '--',
            name,
          ]),
        );
      }
      const primary = groups.find((entry) => entry.gid === user.gid)?.name;
      const further = user.groups.filter((group) => group !== primary);
      const target =
        wantedGroups === undefined
          ? further
          : args.remove_groups
            ? wantedGroups.filter((group) => group !== primary)
            : [...new Set([...further, ...wantedGroups])].filter((group) => group !== primary);
      const modify = (key: string, now: unknown, wanted: unknown, flag: string): Change | true =>
        wanted === undefined ||
        wanted === now ||
        running(`user ${name}: ${key}`, now, wanted, { [key]: wanted }, ['usermod', flag, String(wanted), '--', name]);
      const sameGroups = target.length === further.length && target.every((group) => further.includes(group));
      return changesOf(
        modify('uid', user.uid, args.uid, '-u'),
        modify('gid', user.gid, gid, '-g'),
        modify('home', user.home, args.home, '-d'),
        modify('shell', user.shell, args.shell, '-s'),
        modify('fullname', user.gecos.split(',')[0], args.fullname, '-c'),
        sameGroups ||
          running(`user ${name}: groups`, further, target, { groups: target }, [
            'usermod',
            '-G',
            target.join(','),
            '--',
            name,
          ]),
      );
    },
  }),
  defineState({
    name: 'user.absent',
    summary: 'Ensure a user does not exist.',
    effect: 'repair',
    needs: ['userdel'],
    args: z.object({
      name: nameArg,
      purge: z.boolean().default(false).describe('Remove the home directory too.'),
      force: z.boolean().default(false).describe('Even when logged in.'),
    }),
    examples: [],
    async check({ name, purge, force }, { host }) {
      if ((await listUsers(host)).every((entry) => entry.name !== name)) return inSync(`User ${name} is not present`);
      return changesOf(
        running(`user ${name}: absent`, name, null, { [name]: 'removed' }, [
          'userdel',
          ...(purge ? ['-r'] : []),
          ...(force ? ['-f'] : []),
          '--',
          name,
        ]),
      );
    },
  }),
  defineState({
    name: 'group.present',
    summary: 'Ensure a group exists as described.',
    effect: 'repair',
    needs: ['groupadd', 'groupmod'],
    args: z.object({
      name: nameArg,
      gid: z.coerce.number().int().optional().describe('Group number.'),
      system: z.boolean().default(false).describe('A group of the system.'),
      members: z.array(z.string()).optional().describe('Exactly these users are in it.'),
      addusers: z.array(z.string()).default([]).describe('These users are in it, besides others.'),
      delusers: z.array(z.string()).default([]).describe('These users are not in it.'),
    }),
    examples: [],
    async check({ name, gid, system, members, addusers, delusers }, { host }) {
      const group = (await listGroups(host)).find((entry) => entry.name === name);
      const now = group?.members ?? [];
      const wanted = members ?? [...new Set([...now, ...addusers])].filter((member) => !delusers.includes(member));
      const sameMembers = wanted.length === now.length && wanted.every((member) => now.includes(member));
      return changesOf(
        group !== undefined ||
          running(`group ${name}: exists`, null, name, { name }, [
            'groupadd',
            ...pairs(['-g', gid]),
            ...(system ? ['-r'] : []),
            '--',
            name,
          ]),
        group === undefined ||
          gid === undefined ||
          group.gid === gid ||
          running(`group ${name}: gid`, group.gid, gid, { gid }, ['groupmod', '-g', String(gid), '--', name]),
        sameMembers ||
          running(`group ${name}: members`, now, wanted, { members: wanted }, [
            'gpasswd',
            '-M',
            wanted.join(','),
            name,
          ]),
      );
    },
  }),
  defineState({
    name: 'group.absent',
    summary: 'Ensure a group does not exist.',
    effect: 'repair',
    needs: ['groupdel'],
    args: z.object({ name: nameArg }),
    examples: [],
    async check({ name }, { host }) {
      if ((await listGroups(host)).every((entry) => entry.name !== name)) return inSync(`Group ${name} is not present`);
      return changesOf(running(`group ${name}: absent`, name, null, { [name]: '' }, ['groupdel', '--', name]));
    },
  }),
];

function pairs(...flags: readonly (readonly [string, string | number | undefined])[]): string[] {
  return flags.flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
}

function running(
  what: string,
  before: unknown,
  after: unknown,
  changes: object,
  command: [string, ...string[]],
): Change {
  return {
    what,
    before,
    after,
    changes,
    async apply({ host }) {
      await mustRun(host, command);
      return undefined;
    },
  };
}
