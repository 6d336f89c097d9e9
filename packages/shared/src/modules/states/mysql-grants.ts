import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
} from '../contract/index.ts';
import { grantArgs, hostArg, serverOf, wantedGrant } from '../execution/mysql-arguments.ts';
import {
  type AccountLook,
  type AccountName,
  findAccount,
  grantStatement,
  type HeldGrant,
  heldAt,
  isHeld,
  isSameGrant,
  type MysqlServer,
  readGrants,
  requirementOf,
  revokeStatement,
  rightsOnAllColumns,
  rightsText,
  tell,
  tlsRequirement,
  tlsStatement,
  unwantedRights,
  type WantedGrant,
} from '../providers/mysql/index.ts';
import { mysqlNeeds, namedArgs } from './mysql-acting.ts';

const shared = {
  ...namedArgs,
  name: z.string().describe('Name of the state.'),
  ...grantArgs,
  user: z.string().min(1).describe('User it is about.'),
  host: hostArg,
};

const tlsArg = z
  .union([z.literal(false), z.array(z.record(z.string(), z.union([z.string(), z.boolean()])))])
  .default(false)
  .describe(
    'What its connections need of TLS: a list of {SSL: true}, {X509: true}, {CIPHER: …}, {ISSUER: …}, {SUBJECT: …}.',
  );

/** Rights of accounts of MySQL and MariaDB as they should be. */
export const mysqlGrantsStates: readonly StateModule[] = [
  defineState({
    name: 'mysql_grants.present',
    summary: 'Ensure an account has rights on a database or table.',
    effect: 'repair',
    needs: mysqlNeeds,
    args: z.object({
      ...shared,
      revoke_first: z.boolean().default(false).describe('Take all other rights on it too.'),
      ssl_option: tlsArg,
    }),
    examples: [
      {
        title: 'of an application',
        args: { name: 'rights of app', grant: 'select, insert', database: 'app.*', user: 'app', host: '%' },
      },
    ],
    async check({ name, user, host: from, revoke_first, ssl_option, ...args }, ctx) {
      const wanted = wantedGrant(args);
      const server = serverOf(args, ctx);
      const account = { user, host: from };
      const { look, held } = await heldBy(ctx, account, wanted, server);
      const hasAll = look.account !== undefined && (revoke_first ? isSameGrant : isHeld)(wanted, held);
      const shown = `${shownGrant(wanted)} to ${user}@${from}`;
      const sql = [
        ...(revoke_first && (held.rights.length > 0 || held.isGrantable) ? [revokeStatement(account, held)] : []),
        grantStatement(account, { ...wanted, level: held.level }),
      ].join('\n');
      const tls = ssl_option === false ? undefined : tlsRequirement(ssl_option);
      const isTls =
        tls === undefined ||
        (look.account !== undefined && JSON.stringify(requirementOf(look.account.row)) === JSON.stringify(tls));
      const changes = { [name]: 'Present' };
      const verdict = changesOf(
        hasAll ||
          change(account, server, sql, {
            what: `grant ${shown}: present`,
            before: rightsText(held.rights) || null,
            after: rightsText(wanted.rights),
            changes,
          }),
        isTls ||
          change(account, server, tlsStatement(account, tls), {
            what: `user ${user}@${from}: TLS of its connections`,
            before: 'otherwise',
            after: tls.type,
            changes,
          }),
      );
      return verdict.kind === 'in-sync' ? inSync(`Grant ${shown} is already present`) : verdict;
    },
  }),
  defineState({
    name: 'mysql_grants.absent',
    summary: 'Ensure an account does not have rights on a database or table.',
    effect: 'repair',
    needs: mysqlNeeds,
    args: z.object(shared),
    examples: [
      {
        title: 'no more writing',
        args: { name: 'app reads', grant: 'insert, update', database: 'app.*', user: 'app' },
      },
    ],
    async check({ name, user, host: from, ...args }, ctx) {
      const wanted = wantedGrant(args);
      const server = serverOf(args, ctx);
      const account = { user, host: from };
      const { held } = await heldBy(ctx, account, wanted, server);
      const rights = unwantedRights(wanted, held);
      const isGrantable = wanted.isGrantable && held.isGrantable;
      const shown = `${shownGrant(wanted)} to ${user}@${from}`;
      const wider = rightsOnAllColumns(wanted, held);
      if (wider.length > 0)
        return refused(`${user}@${from} has ${rightsText(held.rights)} on all columns, and so ${rightsText(wider)}`);
      if (rights.length === 0 && !isGrantable) return inSync(`Grant ${shown} is not present, so it cannot be revoked`);
      return changesOf(
        change(account, server, revokeStatement(account, { level: held.level, rights, isGrantable }), {
          what: `grant ${shown}: absent`,
          before: rightsText(held.rights),
          after: null,
          changes: { [name]: 'Absent' },
        }),
      );
    },
  }),
];

async function heldBy(
  { host }: ModuleContext,
  account: AccountName,
  { level }: WantedGrant,
  server: MysqlServer,
): Promise<{ readonly look: AccountLook; readonly held: HeldGrant }> {
  const look = await findAccount(host, account, server);
  const lines = look.account === undefined ? [] : await readGrants(host, account, server);
  return { look, held: heldAt(lines, level) };
}

function shownGrant({ rights, level: { database, table } }: WantedGrant): string {
  return `${rightsText(rights)} on ${database.replaceAll('\\_', '_')}.${table}`;
}

function change(account: AccountName, server: MysqlServer, sql: string, shown: Omit<Change, 'apply'>): Change {
  return {
    ...shown,
    async apply({ host }) {
      // Some servers would make the account, without a password.
      if ((await findAccount(host, account, server)).account === undefined)
        throw new EdgeError(
          'EDGE_COMMAND_FAILED',
          `there is no account ${account.user}@${account.host} on the server`,
          { user: account.user, host: account.host },
          { hint: 'Make it first: mysql_user.present.' },
        );
      await tell(host, sql, server);
      return undefined;
    },
  };
}
