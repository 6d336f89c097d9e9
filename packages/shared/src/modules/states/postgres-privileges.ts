import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import type { PostgresOptions } from '../providers/postgres/index.ts';
import { namedArgs, rowsIfThere, serverOptions, sqlChange, wordsArg } from './postgres-acting.ts';

/** Where the rights on objects of a type are kept: a query of `name`, `acl` and `owner`, and the letter of `acldefault`. */
const KINDS = {
  table: [
    'r',
    'TABLE',
    "SELECT relname AS name, relacl AS acl, relowner AS owner FROM pg_class WHERE relkind IN ('r','p','v','m','f') AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'prepend')",
  ],
  sequence: [
    'S',
    'SEQUENCE',
    "SELECT relname AS name, relacl AS acl, relowner AS owner FROM pg_class WHERE relkind = 'S' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'prepend')",
  ],
  schema: ['n', 'SCHEMA', 'SELECT nspname AS name, nspacl AS acl, nspowner AS owner FROM pg_namespace'],
  tablespace: ['t', 'TABLESPACE', 'SELECT spcname AS name, spcacl AS acl, spcowner AS owner FROM pg_tablespace'],
  language: ['l', 'LANGUAGE', 'SELECT lanname AS name, lanacl AS acl, lanowner AS owner FROM pg_language'],
  database: ['d', 'DATABASE', 'SELECT datname AS name, datacl AS acl, datdba AS owner FROM pg_database'],
} as const;
const RIGHTS = [
  ...['ALL', 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'],
  ...['USAGE', 'CREATE', 'CONNECT', 'TEMPORARY'],
];
const privilegeWord = z
  .string()
  .transform((word) => (word.toUpperCase() === 'TEMP' ? 'TEMPORARY' : word.toUpperCase().replace(/ PRIVILEGES$/, '')))
  .refine((word) => RIGHTS.includes(word), `a privilege is one of ${RIGHTS.join(', ')}`);
const privilegeArgs = {
  ...namedArgs,
  name: z.string().min(1).describe('Role; public means everybody.'),
  object_name: z.string().min(1).describe('Table or other object; ALL means all tables or sequences of the schema.'),
  object_type: z
    .enum(['table', 'sequence', 'schema', 'tablespace', 'language', 'database', 'group'])
    .describe('What it is; with group the role belongs to `object_name`.'),
  privileges: wordsArg
    .pipe(z.array(privilegeWord))
    .optional()
    .describe('Rights: SELECT, INSERT, USAGE, ALL; with commas, or a list. A group needs none.'),
  prepend: z.string().default('public').describe('Schema of tables and sequences.'),
};
const needsPrivileges = ({
  object_type,
  privileges = [],
}: {
  object_type: string;
  privileges?: string[] | undefined;
}): boolean => object_type === 'group' || privileges.length > 0;
const NO_PRIVILEGES = { path: ['privileges'], message: 'which privileges? SELECT, ALL, …' };
type PrivilegeArgs = z.output<z.ZodObject<typeof privilegeArgs>>;

/** Rights on objects of PostgreSQL as they should be. */
export const postgresPrivilegesStates: readonly StateModule[] = [
  defineState({
    name: 'postgres_privileges.present',
    summary: 'Ensure a role has rights on an object.',
    effect: 'repair',
    needs: ['psql'],
    args: z
      .object({ ...privilegeArgs, grant_option: z.boolean().default(false).describe('It may pass them on.') })
      .refine(needsPrivileges, NO_PRIVILEGES),
    examples: [
      {
        title: 'read a table',
        args: {
          name: 'app',
          object_name: 'orders',
          object_type: 'table',
          privileges: ['SELECT'],
          maintenance_db: 'shop',
        },
      },
    ],
    async check({ grant_option, ...args }, { host }) {
      const options = serverOptions(args);
      const held = await rightsOf(host, args, options);
      const [first] = held;
      const unknown = first === undefined || rightsText(args) === 'ALL' ? [] : unknownRights(args, first);
      if (unknown.length > 0) return refused(`a ${args.object_type} has no privilege ${unknown.join(', ')}`);
      const fits =
        held.length > 0 && held.every((rights) => rights.lacking === '' && (!grant_option || rights.fixed === ''));
      if (fits) return inSync(`The requested privilege(s) are already set for ${args.name}`);
      const tail = !grant_option ? '' : args.object_type === 'group' ? ' WITH ADMIN OPTION' : ' WITH GRANT OPTION';
      const change = {
        what: `privileges of ${args.name} on ${args.object_name}: granted`,
        before: null,
        after: shownRights(args),
        changes: { [args.name]: 'Present' },
      };
      return changesOf(
        sqlChange(change, options, {
          sql: `GRANT ${onObject(args)} TO ${roleOf(args)}${tail}`,
          variables: variablesOf(args),
        }),
      );
    },
  }),
  defineState({
    name: 'postgres_privileges.absent',
    summary: 'Ensure a role does not have rights on an object.',
    effect: 'repair',
    needs: ['psql'],
    args: z.object(privilegeArgs).refine(needsPrivileges, NO_PRIVILEGES),
    examples: [],
    async check(args, { host }) {
      const options = serverOptions(args);
      const held = await rightsOf(host, args, options);
      if (held.every((rights) => rights.held === ''))
        return inSync(`The requested privilege(s) are not set for ${args.name}`);
      const change = {
        what: `privileges of ${args.name} on ${args.object_name}: revoked`,
        before: shownRights(args),
        after: null,
        changes: { [args.name]: 'Absent' },
      };
      return changesOf(
        sqlChange(change, options, {
          sql: `REVOKE ${onObject(args)} FROM ${roleOf(args)}`,
          variables: variablesOf(args),
        }),
      );
    },
  }),
];

interface Rights {
  /** Of the rights asked for: those the role lacks, those it may not pass on, those it has; with commas. */
  readonly lacking: string;
  readonly fixed: string;
  readonly held: string;
}

/** For each object that is meant, which of the rights the role has itself; not those it has from its groups. */
async function rightsOf(host: HostReader, args: PrivilegeArgs, options: PostgresOptions): Promise<readonly Rights[]> {
  const rows = await rowsIfThere(
    host,
    args.object_type === 'group' ? MEMBERSHIP : rightsQuery(args),
    variablesOf(args),
    options,
  );
  return rows.map(({ lacking = '', fixed = '', held = '' }) => ({ lacking, fixed, held }));
}

const MEMBERSHIP = `SELECT CASE WHEN m.member IS NULL THEN 'membership' END AS lacking,
  CASE WHEN NOT coalesce(m.admin_option, false) THEN 'membership' END AS fixed,
  CASE WHEN m.member IS NOT NULL THEN 'membership' END AS held
FROM pg_roles g LEFT JOIN pg_auth_members m ON m.roleid = g.oid AND m.member = (SELECT oid FROM pg_roles WHERE rolname = :'name')
WHERE g.rolname = :'object'`;

function rightsQuery({ object_type, object_name }: PrivilegeArgs): string {
  const [letter, , objects] = KINDS[object_type as keyof typeof KINDS];
  const which = isAll({ object_type, object_name }) ? '' : "WHERE o.name = :'object'";
  return `WITH grantee AS (SELECT CASE WHEN lower(:'name') = 'public' THEN 0::oid ELSE (SELECT oid FROM pg_roles WHERE rolname = :'name') END AS oid),
objects AS (${objects}),
wanted AS (
  SELECT o.name, w.word FROM objects o LEFT JOIN LATERAL (
    SELECT privilege_type AS word FROM aclexplode(acldefault('${letter}', o.owner)) a
    WHERE a.grantee = o.owner AND ('ALL' = ANY (string_to_array(:'rights', ',')) OR privilege_type = ANY (string_to_array(:'rights', ',')))
  ) w ON true ${which})
SELECT w.name, string_agg(CASE WHEN a.grantee IS NULL THEN w.word END, ',') AS lacking,
  string_agg(CASE WHEN NOT coalesce(a.is_grantable, false) THEN w.word END, ',') AS fixed,
  string_agg(CASE WHEN a.grantee IS NOT NULL THEN w.word END, ',') AS held
FROM wanted w JOIN objects o ON o.name = w.name
LEFT JOIN LATERAL (SELECT grantee, bool_or(is_grantable) AS is_grantable FROM aclexplode(coalesce(o.acl, acldefault('${letter}', o.owner)))
  WHERE privilege_type = w.word AND grantee = (SELECT oid FROM grantee) GROUP BY grantee) a ON true
GROUP BY w.name`;
}

function onObject(args: PrivilegeArgs): string {
  if (args.object_type === 'group') return ':"object"';
  const [, noun] = KINDS[args.object_type];
  const rights = rightsText(args);
  if (isAll(args)) return `${rights} ON ALL ${noun}S IN SCHEMA :"prepend"`;
  return `${rights} ON ${noun} ${noun === 'TABLE' || noun === 'SEQUENCE' ? ':"prepend".' : ''}:"object"`;
}

function isAll({ object_type, object_name }: Pick<PrivilegeArgs, 'object_type' | 'object_name'>): boolean {
  return object_name.toUpperCase() === 'ALL' && (object_type === 'table' || object_type === 'sequence');
}

function roleOf({ name }: PrivilegeArgs): string {
  return name.toLowerCase() === 'public' ? 'PUBLIC' : ':"name"';
}

function variablesOf(args: PrivilegeArgs): Record<string, string> {
  return { name: args.name, object: args.object_name, prepend: args.prepend, rights: rightsText(args) };
}

/** The rights with commas between. */
function rightsText({ privileges = [] }: PrivilegeArgs): string {
  return privileges.includes('ALL') ? 'ALL' : privileges.join(',');
}

/** Rights that objects of the type do not have: the server told of neither having nor lacking them. */
function unknownRights({ object_type, privileges = [] }: PrivilegeArgs, { lacking, held }: Rights): readonly string[] {
  const known = [...lacking.split(','), ...held.split(',')];
  return object_type === 'group' ? [] : privileges.filter((word) => !known.includes(word));
}

function shownRights(args: PrivilegeArgs): string {
  return args.object_type === 'group' ? `member of ${args.object_name}` : rightsText(args);
}
