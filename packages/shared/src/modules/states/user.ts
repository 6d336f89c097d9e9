import { z } from 'zod';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { mustRun } from '../operations/index.ts';
import { listGroups, listUsers, type ShadowEntry, shadowEntry, type UserInfo } from '../providers/accounts.ts';

const nameArg = z
  .string()
  .regex(/^[^-:\n][^:\n]*$/, 'not a name')
  .describe('Name.');

const daysArg = (what: string) => z.number().int().optional().describe(`${what} -1 for no limit.`);

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
      password: z.string().optional().describe('Hash of the password, as /etc/shadow has it.'),
      hash_password: z.literal(false).default(false).describe('Only false: `password` is the hash itself.'),
      enforce_password: z.boolean().default(true).describe('False leaves a password alone that is already set.'),
      empty_password: z.boolean().default(false).describe('Log in without a password.'),
      allow_uid_change: z.boolean().default(false).describe('The number of a user that exists may be changed.'),
      allow_gid_change: z.boolean().default(false).describe('The primary group of a user that exists may be changed.'),
      expire: z
        .union([z.number().int(), z.string()])
        .optional()
        .describe('Last day of the account: days since 1970, or 2030-12-31; -1 for none.'),
      mindays: daysArg('Days a password must be kept.'),
      maxdays: daysArg('Days a password may be kept.'),
      inactdays: daysArg('Days after which an account whose password is too old is locked.'),
      warndays: daysArg('Days of warning before a password is too old.'),
      gid_from_name: z.boolean().optional().describe('Older name of usergroup.'),
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
        const usergroup = args.usergroup ?? args.gid_from_name;
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
          usergroup === undefined ? '' : usergroup ? '-U' : '-N',
        ];
        return changesOf(
          running(`user ${name}: exists`, null, name, { name }, [
            'useradd',
            ...flags,
            ...switches.filter((flag) => flag !== ''),
            '--',
            name,
          ]),
          ...shadowChanges(args, undefined),
        );
      }
      const objection = numberObjection(args, user, gid);
      if (objection !== undefined) return refused(objection);
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
        ...(asksForShadow(args) ? shadowChanges(args, await shadowEntry(host, name)) : []),
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

/** Why numbers that files on the host belong to are not changed (Salt 3006 states/user.py, _changes). */
function numberObjection(
  args: { uid?: number | undefined; allow_uid_change: boolean; allow_gid_change: boolean },
  user: UserInfo,
  gid: number | undefined,
): string | undefined {
  const objection = (what: string, now: number, wanted: number): string =>
    `Changing ${what} of ${user.name} (${now} -> ${wanted}) is not permitted; allow_${what}_change: True permits it, and leaves the owners of files as they are`;
  if (args.uid !== undefined && args.uid !== user.uid && !args.allow_uid_change)
    return objection('uid', user.uid, args.uid);
  if (gid !== undefined && gid !== user.gid && !args.allow_gid_change) return objection('gid', user.gid, gid);
  return undefined;
}

/** Arguments whose place is `shadow(5)`. */
interface ShadowArgs {
  readonly name: string;
  readonly password?: string | undefined;
  readonly empty_password: boolean;
  readonly enforce_password: boolean;
  readonly expire?: string | number | undefined;
  readonly mindays?: number | undefined;
  readonly maxdays?: number | undefined;
  readonly inactdays?: number | undefined;
  readonly warndays?: number | undefined;
}

/** The argument → the option of `chage`. */
const AGES = { expire: '-E', mindays: '-m', maxdays: '-M', inactdays: '-I', warndays: '-W' } as const;
const AGE_NAMES = Object.keys(AGES) as (keyof typeof AGES)[];

function asksForShadow(args: ShadowArgs): boolean {
  return args.password !== undefined || args.empty_password || AGE_NAMES.some((name) => args[name] !== undefined);
}

/** What has to be done to the shadow entry of a user; `now` is undefined for one that is made. */
function shadowChanges(args: ShadowArgs, now: ShadowEntry | undefined): (Change | true)[] {
  const ages = AGE_NAMES.map((name): Change | true => {
    const given = args[name];
    if (given === undefined) return true;
    const wanted = typeof given === 'string' && /^\d{4}-\d\d-\d\d$/.test(given) ? daysOf(given) : Number(given);
    // Nothing is what `chage` makes of -1.
    if (now !== undefined && now[name] === (wanted === -1 ? '' : String(wanted))) return true;
    const before = now === undefined || now[name] === '' ? -1 : Number(now[name]);
    return running(`user ${args.name}: ${name}`, before, wanted, { [name]: wanted }, [
      'chage',
      AGES[name],
      String(wanted),
      args.name,
    ]);
  });
  return [passwordChange(args, now?.hash), ...ages];
}

/** Days since 1970. */
function daysOf(date: string): number {
  return Math.floor(Date.parse(`${date}T00:00:00Z`) / 86_400_000);
}

/** What has to be done for a user to have its password; `now` is undefined for one that is made. */
function passwordChange(args: ShadowArgs, now: string | undefined): Change | true {
  const wanted = args.empty_password ? '' : args.password;
  const isSet = now !== undefined && !/^[!*]*$/.test(now);
  if (wanted === undefined || wanted === now || (isSet && !args.enforce_password)) return true;
  return {
    what: `user ${args.name}: password`,
    before: '[secret]',
    after: '[secret]',
    changes: { passwd: 'XXX-REDACTED-XXX' },
    sealed: true,
    async apply({ host }) {
      if (wanted === '') await mustRun(host, ['passwd', '-d', args.name]);
      else await mustRun(host, ['chpasswd', '-e'], { stdin: `${args.name}:${wanted}\n` });
      return undefined;
    },
  };
}

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
