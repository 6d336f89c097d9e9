import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustRun } from '../operations/index.ts';
import { listGroups, listUsers } from '../providers/accounts.ts';

const nameArg = z
  .string()
  .regex(/^[^-:\n][^:\n]*$/, 'not a name')
  .describe('Name.');
const groupList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value.split(',') : value));

/** Users and groups of a host. */
export const userFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'user.add',
    summary: 'Make a user.',
    args: z.object({
      name: nameArg,
      uid: z.coerce.number().int().optional().describe('User number.'),
      gid: z.union([z.string(), z.number()]).optional().describe('Primary group, name or number.'),
      groups: groupList.optional().describe('Further groups.'),
      home: z.string().optional().describe('Home directory.'),
      shell: z.string().optional().describe('Login shell.'),
      unique: z.boolean().default(true).describe('False allows a number somebody has.'),
      system: z.boolean().default(false).describe('A user of the system.'),
      fullname: z.string().default('').describe('Full name.'),
      createhome: z.boolean().default(true).describe('Make the home directory.'),
    }),
    returns: 'True.',
    examples: [{ title: 'for an application', args: { name: 'app', system: true, shell: '/usr/sbin/nologin' } }],
    async run(args, { host }) {
      const flags: [string, string | undefined][] = [
        ['-u', args.uid?.toString()],
        ['-g', args.gid?.toString()],
        ['-G', args.groups?.join(',')],
        ['-d', args.home],
        ['-s', args.shell],
        ['-c', args.fullname || undefined],
      ];
      const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
      const switches = [args.unique ? '' : '-o', args.system ? '-r' : '', args.createhome ? '-m' : '-M'].filter(
        (flag) => flag !== '',
      );
      await mustRun(host, ['useradd', ...given, ...switches, '--', args.name]);
      return true;
    },
  }),
  defineWrite({
    name: 'user.delete',
    summary: 'Remove a user.',
    args: z.object({
      name: nameArg,
      remove: z.boolean().default(false).describe('Remove the home directory too.'),
      force: z.boolean().default(false).describe('Even when logged in.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ name, remove, force }, { host }) {
      await mustRun(host, ['userdel', ...(remove ? ['-r'] : []), ...(force ? ['-f'] : []), '--', name]);
      return true;
    },
  }),
  defineRead({
    name: 'user.info',
    summary: 'Answer what the host knows about a user.',
    args: z.object({ name: nameArg }),
    returns: 'A mapping of name, uid, gid, groups, home, shell, fullname; empty when there is none.',
    examples: [],
    async run({ name }, { host }) {
      const user = (await listUsers(host)).find((entry) => entry.name === name);
      if (user === undefined) return {};
      const { gecos, ...rest } = user;
      return { ...rest, passwd: 'x', fullname: gecos.split(',')[0] };
    },
  }),
  defineRead({
    name: 'user.list_users',
    summary: 'Answer the names of all users.',
    args: z.object({}),
    returns: 'A sorted list.',
    examples: [],
    run: async (_, { host }) => (await listUsers(host)).map(({ name }) => name).sort(),
  }),
  defineRead({
    name: 'user.list_groups',
    summary: 'Answer the groups of a user.',
    args: z.object({ name: nameArg }),
    returns: 'A sorted list.',
    examples: [],
    run: async ({ name }, { host }) => (await listUsers(host)).find((entry) => entry.name === name)?.groups ?? [],
  }),
  defineRead({
    name: 'user.getent',
    summary: 'Answer everything about all users.',
    args: z.object({}),
    returns: 'A list of mappings.',
    examples: [],
    run: async (_, { host }) => await listUsers(host),
  }),
  ...(
    [
      ['shell', '-s', 'Login shell.'],
      ['home', '-d', 'Home directory.'],
      ['uid', '-u', 'User number.'],
      ['gid', '-g', 'Primary group.'],
      ['fullname', '-c', 'Full name.'],
    ] as const
  ).map(([property, flag, described]) =>
    defineWrite({
      name: `user.ch${property}`,
      summary: `Change the ${property} of a user.`,
      args: z.object({ name: nameArg, value: z.coerce.string().describe(described) }),
      returns: 'True.',
      examples: [],
      async run({ name, value }, { host }) {
        await mustRun(host, ['usermod', flag, value, '--', name]);
        return true;
      },
    }),
  ),
  defineWrite({
    name: 'user.chgroups',
    summary: 'Set the further groups of a user.',
    args: z.object({
      name: nameArg,
      groups: groupList.describe('The groups.'),
      append: z.boolean().default(false).describe('Keep those it has.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ name, groups, append }, { host }) {
      await mustRun(host, ['usermod', ...(append ? ['-a'] : []), '-G', groups.join(','), '--', name]);
      return true;
    },
  }),
  defineWrite({
    name: 'group.add',
    summary: 'Make a group.',
    args: z.object({
      name: nameArg,
      gid: z.coerce.number().int().optional().describe('Group number.'),
      system: z.boolean().default(false).describe('A group of the system.'),
    }),
    returns: 'True.',
    examples: [],
    async run({ name, gid, system }, { host }) {
      await mustRun(host, [
        'groupadd',
        ...(gid === undefined ? [] : ['-g', String(gid)]),
        ...(system ? ['-r'] : []),
        '--',
        name,
      ]);
      return true;
    },
  }),
  defineWrite({
    name: 'group.delete',
    summary: 'Remove a group.',
    args: z.object({ name: nameArg }),
    returns: 'True.',
    examples: [],
    async run({ name }, { host }) {
      await mustRun(host, ['groupdel', '--', name]);
      return true;
    },
  }),
  defineRead({
    name: 'group.info',
    summary: 'Answer what the host knows about a group.',
    args: z.object({ name: nameArg }),
    returns: 'A mapping of name, gid, members; empty when there is none.',
    examples: [],
    run: async ({ name }, { host }) => (await listGroups(host)).find((entry) => entry.name === name) ?? {},
  }),
  defineRead({
    name: 'group.getent',
    summary: 'Answer everything about all groups.',
    args: z.object({}),
    returns: 'A list of mappings.',
    examples: [],
    run: async (_, { host }) => await listGroups(host),
  }),
  ...(['adduser', 'deluser'] as const).map((verb) =>
    defineWrite({
      name: `group.${verb}`,
      summary: verb === 'adduser' ? 'Put a user into a group.' : 'Take a user out of a group.',
      args: z.object({ name: nameArg, username: nameArg }),
      returns: 'True.',
      examples: [],
      async run({ name, username }, { host }) {
        if ((await listGroups(host)).every((entry) => entry.name !== name))
          throw new EdgeError('EDGE_BAD_ARGUMENT', `no group ${name} on ${host.id}`, { name });
        await mustRun(host, ['gpasswd', verb === 'adduser' ? '-a' : '-d', username, name]);
        return true;
      },
    }),
  ),
];
