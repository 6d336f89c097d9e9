import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import {
  ask,
  compareLogin,
  findAccount,
  grantStatement,
  heldAt,
  isHeld,
  type Login,
  loginStatement,
  parseGrant,
  quoteAccount,
  readGrants,
  revokeStatement,
  rightsText,
  tell,
  unwantedRights,
} from '../providers/mysql/index.ts';
import { connectionArgs, grantArgs, hostArg, loginArgs, loginOf, serverOf, wantedGrant } from './mysql-arguments.ts';

const accountArgs = { user: z.string().min(1).describe('User.'), host: hostArg };
const { allow_passwordless: _, ...comparedArgs } = loginArgs;
const grantedArgs = { ...grantArgs, ...accountArgs, ...connectionArgs };
const NEITHER = 'password or password_hash must be specified, unless allow_passwordless=True';

/** Accounts of MySQL and MariaDB, and their rights. */
export const mysqlUserFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'mysql.user_list',
    summary: 'Answer the accounts.',
    args: z.object(connectionArgs),
    returns: 'A list of mappings {User, Host}.',
    examples: [],
    run: async (args, ctx) =>
      (await ask(ctx.host, 'SELECT User AS User, Host AS Host FROM mysql.user;', serverOf(args, ctx)))[0]?.rows ?? [],
  }),
  defineRead({
    name: 'mysql.user_exists',
    summary: 'Tell whether an account exists, and logs in as told.',
    args: z.object({
      ...accountArgs,
      ...comparedArgs,
      passwordless: z.boolean().default(false).describe('It has to need no password.'),
      ...connectionArgs,
    }),
    returns: 'True or false; false too for a password that cannot be compared with what is kept for it.',
    examples: [{ title: 'is it there?', args: { user: 'app', host: '%' } }],
    async run({ user, host, passwordless, password_column, ...args }, ctx) {
      const { account } = await findAccount(ctx.host, { user, host }, serverOf(args, ctx), password_column);
      const login = loginOf({ ...args, allow_passwordless: passwordless });
      return account !== undefined && (login === undefined || compareLogin(account, login) === 'same');
    },
  }),
  defineRead({
    name: 'mysql.user_info',
    summary: 'Answer what the server keeps of an account, but for its password.',
    args: z.object({ ...accountArgs, ...connectionArgs }),
    returns: 'A mapping of columns of mysql.user; false where there is no such account.',
    examples: [],
    async run({ user, host, ...args }, ctx) {
      const { account } = await findAccount(ctx.host, { user, host }, serverOf(args, ctx));
      if (account === undefined) return false;
      return Object.fromEntries(
        Object.entries(account.row).filter(([column]) => !/^(password|authentication_string)$/i.test(column)),
      );
    },
  }),
  setsLogin({
    name: 'mysql.user_create',
    summary: 'Make an account.',
    returns: 'True; false where it is there.',
    examples: [{ title: 'of an application', args: { user: 'app', host: '%', password: 'opensesame' } }],
    ofOneThatIsThere: false,
  }),
  setsLogin({
    name: 'mysql.user_chpass',
    summary: 'Change how an account logs in.',
    returns: 'True; false where there is no such account.',
    examples: [],
    ofOneThatIsThere: true,
  }),
  defineWrite({
    name: 'mysql.user_remove',
    summary: 'Remove an account.',
    args: z.object({ ...accountArgs, ...connectionArgs }),
    returns: 'True; false where there is no such account.',
    examples: [],
    async run({ user, host, ...args }, ctx) {
      const server = serverOf(args, ctx);
      if ((await findAccount(ctx.host, { user, host }, server)).account === undefined) return false;
      await tell(ctx.host, `DROP USER ${quoteAccount({ user, host })};`, server);
      return true;
    },
  }),
  defineRead({
    name: 'mysql.user_grants',
    summary: 'Answer the rights of an account.',
    args: z.object({ ...accountArgs, ...connectionArgs }),
    returns: 'A list of lines as SHOW GRANTS has them, without passwords; false where there is no such account.',
    examples: [],
    async run({ user, host, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const { account } = await findAccount(ctx.host, { user, host }, server);
      return account !== undefined && (await readGrants(ctx.host, { user, host }, server));
    },
  }),
  defineRead({
    name: 'mysql.grant_exists',
    summary: 'Tell whether an account has rights.',
    args: z.object(grantedArgs),
    returns: 'True or false.',
    examples: [{ title: 'may it read?', args: { grant: 'select', database: 'app.*', user: 'app', host: '%' } }],
    async run({ user, host, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const { account } = await findAccount(ctx.host, { user, host }, server);
      if (account === undefined) return false;
      const wanted = wantedGrant(args);
      return isHeld(wanted, heldAt(await readGrants(ctx.host, { user, host }, server), wanted.level));
    },
  }),
  defineWrite({
    name: 'mysql.grant_add',
    summary: 'Give an account rights.',
    args: z.object(grantedArgs),
    returns: 'True; false where there is no such account.',
    examples: [],
    async run({ user, host, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const { account } = await findAccount(ctx.host, { user, host }, server);
      if (account === undefined) return false;
      const wanted = wantedGrant(args);
      const { level } = heldAt(await readGrants(ctx.host, { user, host }, server), wanted.level);
      await tell(ctx.host, grantStatement({ user, host }, { ...wanted, level }), server);
      return true;
    },
  }),
  defineWrite({
    name: 'mysql.grant_revoke',
    summary: 'Take rights from an account.',
    args: z.object(grantedArgs),
    returns: 'True; false where it has none of them.',
    examples: [],
    async run({ user, host, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const { account } = await findAccount(ctx.host, { user, host }, server);
      if (account === undefined) return false;
      const wanted = wantedGrant(args);
      const held = heldAt(await readGrants(ctx.host, { user, host }, server), wanted.level);
      const taken = {
        level: held.level,
        rights: unwantedRights(wanted, held),
        isGrantable: wanted.isGrantable && held.isGrantable,
      };
      if (taken.rights.length === 0 && !taken.isGrantable) return false;
      await tell(ctx.host, revokeStatement({ user, host }, taken), server);
      return true;
    },
  }),
  defineRead({
    name: 'mysql.tokenize_grant',
    summary: 'Take a line of SHOW GRANTS apart.',
    args: z.object({ grant: z.string().describe('The line.') }),
    returns: 'A mapping {grant, database, grant_option}; empty for a line that is not about databases and tables.',
    examples: [],
    run: ({ grant }) => {
      const parsed = parseGrant(grant);
      if (parsed === undefined) return Promise.resolve({});
      return Promise.resolve({
        grant: parsed.rights.map((right) => rightsText([right])),
        database: `${parsed.level.database}.${parsed.level.table}`,
        grant_option: parsed.isGrantable,
      });
    },
  }),
];

/** A function that says how an account logs in: a new one, or one that is there. */
function setsLogin({
  ofOneThatIsThere,
  ...words
}: Pick<ExecutionModule, 'name' | 'summary' | 'returns'> & {
  readonly examples: readonly {
    readonly title: string;
    readonly args: { user: string; host: string; password: string };
  }[];
  readonly ofOneThatIsThere: boolean;
}): ExecutionModule {
  return defineWrite({
    ...words,
    args: z.object({ ...accountArgs, ...loginArgs, ...connectionArgs }).refine((args) => loginOf(args) !== undefined, {
      error: NEITHER,
      path: ['password'],
    }),
    async run({ user, host, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const look = await findAccount(ctx.host, { user, host }, server);
      if ((look.account !== undefined) !== ofOneThatIsThere) return false;
      await tell(ctx.host, loginStatement({ user, host }, look, loginOf(args) as Login), server);
      return true;
    },
  });
}
