import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import {
  isKeptPassword,
  keptPassword,
  type PostgresOptions,
  passwordForm,
  selectRows,
} from '../providers/postgres/index.ts';
import { dropChange, namedArgs, type Statement, serverOptions, sqlChange, wordsArg } from './postgres-acting.ts';

/** Arguments that are attributes of roles: the column that shows them and the word that sets them. */
const ATTRIBUTES = {
  createdb: ['rolcreatedb', 'CREATEDB'],
  createroles: ['rolcreaterole', 'CREATEROLE'],
  superuser: ['rolsuper', 'SUPERUSER'],
  replication: ['rolreplication', 'REPLICATION'],
  inherit: ['rolinherit', 'INHERIT'],
  login: ['rolcanlogin', 'LOGIN'],
} as const;
type Attribute = keyof typeof ATTRIBUTES;

const flag = (what: string): z.ZodOptional<z.ZodBoolean> =>
  z.boolean().optional().describe(`${what} Left alone where absent.`);
const roleArgs = {
  ...namedArgs,
  createdb: flag('May make databases.'),
  createroles: flag('May make roles.'),
  superuser: flag('May do everything.'),
  replication: flag('May replicate.'),
  inherit: flag('Has what the groups it belongs to may do.'),
  login: flag('May log in.'),
  encrypted: z
    .union([z.boolean(), z.enum(['md5', 'scram-sha-256'])])
    .optional()
    .describe('How the password is kept: md5 or scram-sha-256; the server decides otherwise.'),
  password: z
    .string()
    .optional()
    .describe('Its password, or what the server is to keep for it (md5…, SCRAM-SHA-256$…).'),
  default_password: z.string().optional().describe('Its password when it is made; not looked at later.'),
  refresh_password: z.boolean().default(false).describe('Accepted for Salt trees; a password that is the same stays.'),
  valid_until: z.string().optional().describe('Until when the password is good: 2030-01-01, infinity.'),
  groups: wordsArg.optional().describe('Groups it belongs to, beside others; with commas, or a list.'),
};
type RoleArgs = z.output<z.ZodObject<typeof roleArgs>>;

/** Roles of PostgreSQL as they should be; a group is a role that nobody logs in as. */
export const postgresRoleStates: readonly StateModule[] = (['user', 'group'] as const).flatMap((kind) => {
  const what = kind === 'user' ? 'a role that may log in' : 'a role that others belong to';
  return [
    defineState({
      name: `postgres_${kind}.present`,
      summary: `Ensure ${what} exists, with its attributes.`,
      effect: 'repair',
      needs: ['psql'],
      args: z.object(roleArgs),
      examples: [
        { title: 'of an application', args: { name: 'app', createdb: false, groups: ['readers'], user: 'postgres' } },
      ],
      async check(args, { host }) {
        const options = serverOptions(args);
        const now = await roleOf(host, args, options);
        if (now === undefined) return changesOf(await creation(host, kind, args, options));
        const attributes = (Object.keys(ATTRIBUTES) as Attribute[]).filter(
          (name) => args[name] !== undefined && args[name] !== (now[ATTRIBUTES[name][0]] === 't'),
        );
        const password = await passwordNeeded(host, args, now, options);
        if (password === 'unknown')
          return refused(
            `the password of ${args.name} can be compared only as a superuser: give default_password, or another db_user`,
          );
        const missing = (args.groups ?? []).filter((group) => !now.groups!.split('\n').includes(group));
        const isUntil = args.valid_until === undefined || now.is_until === 't';
        const changes = {
          ...Object.fromEntries(attributes.map((name) => [name, args[name]])),
          ...(password === undefined ? {} : { password: true }),
          ...(isUntil ? {} : { valid_until: args.valid_until }),
          ...(missing.length === 0 ? {} : { groups: missing }),
        };
        if (Object.keys(changes).length === 0) return inSync(`${args.name} is already present`);
        const change: Omit<Change, 'apply'> = {
          what: `${kind} ${args.name}: ${Object.keys(changes).join(', ')}`,
          before: 'otherwise',
          after: changes,
          changes: { [args.name]: changes },
        };
        return changesOf(
          sqlChange(change, options, () => alteration({ ...args, groups: missing }, attributes, { password, isUntil })),
        );
      },
    }),
    defineState({
      name: `postgres_${kind}.absent`,
      summary: `Ensure ${what} does not exist.`,
      effect: 'repair',
      needs: ['psql'],
      args: z.object(namedArgs),
      examples: [],
      async check({ name, ...args }, { host }) {
        const options = serverOptions(args);
        const found = await selectRows(host, "SELECT 1 FROM pg_roles WHERE rolname = :'name'", { name }, options);
        if (found.length === 0) return inSync(`${name} is not present`);
        return changesOf(dropChange(kind, name, 'DROP ROLE :"name"', options));
      },
    }),
  ];
});

async function roleOf(
  host: HostReader,
  { name, valid_until }: RoleArgs,
  options: PostgresOptions,
): Promise<Record<string, string> | undefined> {
  const columns = Object.values(ATTRIBUTES).map(([column]) => column);
  const sql = `SELECT ${columns.join(', ')},
  coalesce(rolvaliduntil, 'infinity') = coalesce(nullif(:'until', ''), 'infinity')::timestamptz AS is_until,
  has_table_privilege('pg_authid', 'SELECT') AS sees_passwords,
  current_setting('password_encryption') AS form,
  array_to_string(ARRAY(SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = r.oid), E'\\n') AS groups
FROM pg_roles r WHERE rolname = :'name'`;
  return (await selectRows(host, sql, { name, until: valid_until ?? '' }, options))[0];
}

/** What the server is to keep anew; undefined: nothing, `unknown` where nobody may compare. */
async function passwordNeeded(
  host: HostReader,
  { name, password, encrypted }: RoleArgs,
  now: Readonly<Record<string, string>>,
  options: PostgresOptions,
): Promise<string | undefined> {
  if (password === undefined) return undefined;
  if (now.sees_passwords !== 't') return 'unknown';
  const sql = "SELECT coalesce(rolpassword, '') AS kept FROM pg_authid WHERE rolname = :'name'";
  const kept = (await selectRows(host, sql, { name }, options))[0]?.kept ?? '';
  const isForm =
    typeof encrypted !== 'string' || passwordForm(password) !== undefined || passwordForm(kept) === encrypted;
  return isForm && isKeptPassword(kept, password, name) ? undefined : formed({ name, encrypted }, password, now.form!);
}

async function creation(
  host: HostReader,
  kind: 'user' | 'group',
  args: RoleArgs,
  options: PostgresOptions,
): Promise<Change> {
  const { name } = args;
  const [server] = await selectRows(host, "SELECT current_setting('password_encryption') AS form", {}, options);
  const given = args.password ?? args.default_password;
  const attributes = (Object.keys(ATTRIBUTES) as Attribute[]).filter((attribute) => args[attribute] !== undefined);
  const change: Omit<Change, 'apply'> = {
    what: `${kind} ${name}: exists`,
    before: null,
    after: name,
    changes: { [name]: 'Present' },
  };
  return sqlChange(change, options, () => {
    const password = given === undefined ? undefined : formed(args, given, server?.form ?? 'scram-sha-256');
    const { sql, variables } = alteration(args, attributes, { password, isUntil: args.valid_until === undefined });
    const login = args.login === undefined && kind === 'user' ? ' LOGIN' : '';
    // One transaction: a role that is half made would not be found missing again.
    return { sql: `BEGIN;\nCREATE ROLE :"name"${login};\n${sql}\nCOMMIT;`, variables };
  });
}

/** SQL that gives a role what it lacks. Passwords are in it only as what the server keeps, whose letters need no quotes. */
function alteration(
  args: Pick<RoleArgs, 'name' | 'groups' | 'valid_until'> & Pick<RoleArgs, Attribute>,
  attributes: readonly Attribute[],
  { password, isUntil }: { readonly password: string | undefined; readonly isUntil: boolean },
): Statement {
  const words = [
    ...attributes.map((name) => `${args[name] === true ? '' : 'NO'}${ATTRIBUTES[name][1]}`),
    ...(password === undefined ? [] : [`PASSWORD '${password}'`]),
    ...(isUntil ? [] : ["VALID UNTIL :'until'"]),
  ];
  const groups = args.groups ?? [];
  return {
    sql: [
      ...(words.length === 0 ? [] : [`ALTER ROLE :"name" WITH ${words.join(' ')};`]),
      ...groups.map((_, index) => `GRANT :"group${index}" TO :"name";`),
    ].join('\n'),
    variables: {
      name: args.name,
      until: args.valid_until ?? '',
      ...Object.fromEntries(groups.map((group, index) => [`group${index}`, group])),
    },
  };
}

function formed({ name, encrypted }: Pick<RoleArgs, 'name' | 'encrypted'>, password: string, server: string): string {
  const form = typeof encrypted === 'string' ? encrypted : server === 'scram-sha-256' ? 'scram-sha-256' : 'md5';
  return keptPassword(password, name, form);
}
