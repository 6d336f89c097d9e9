import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { hostArg, loginArgs, loginOf, serverOf } from '../execution/mysql-arguments.ts';
import { compareLogin, findAccount, type Login, loginStatement, quoteAccount } from '../providers/mysql/index.ts';
import { mysqlNeeds, namedArgs, sqlChange } from './mysql-acting.ts';

/** Accounts of MySQL and MariaDB as they should be. */
export const mysqlUserStates: readonly StateModule[] = [
  defineState({
    name: 'mysql_user.present',
    summary: 'Ensure an account exists and logs in as it should.',
    effect: 'repair',
    needs: mysqlNeeds,
    args: z.object({ ...namedArgs, host: hostArg, ...loginArgs }),
    examples: [
      { title: 'of an application', args: { name: 'app', host: '%', password: 'opensesame' } },
      { title: 'a user of the host', args: { name: 'backup', allow_passwordless: true, unix_socket: true } },
    ],
    async check({ name, host: from, ...args }, ctx) {
      const login = loginOf(args);
      if (login === undefined)
        return refused('Either password or password_hash must be specified, unless allow_passwordless is True');
      const isSocket = args.unix_socket && args.allow_passwordless;
      if (isSocket && login.kind !== 'socket')
        return refused('unix_socket is for an account without a password: leave out password and password_hash');
      if (isSocket && from !== 'localhost') return refused('Auth via unix_socket can be set only for host=localhost');
      const server = serverOf(args, ctx);
      const account = { user: name, host: from };
      const look = await findAccount(ctx.host, account, server, args.password_column);
      const shown = `${name}@${from}`;
      if (look.account === undefined) {
        const how = login.kind === 'passwordless' || login.kind === 'socket' ? ' with passwordless login' : '';
        return changesOf(
          sqlChange(
            { what: `user ${shown}: exists${how}`, before: null, after: shown, changes: { [name]: 'Present' } },
            server,
            loginStatement(account, look, login),
          ),
        );
      }
      const comparison = compareLogin(look.account, login);
      if (comparison === 'same') return inSync(`User ${shown} is already present${WITH[login.kind]}`);
      if (comparison === 'unknown')
        return inSync(
          `User ${shown} is already present; its password is left alone: nobody but the server can compare what ${look.account.plugin} keeps. Give password_hash to have it compared`,
        );
      const isCleared = login.kind === 'passwordless' || login.kind === 'socket';
      return changesOf(
        sqlChange(
          {
            what: `user ${shown}: password ${isCleared ? 'cleared' : 'changed'}`,
            before: 'otherwise',
            after: isCleared ? 'passwordless login' : 'the password',
            changes: { [name]: 'Updated' },
          },
          server,
          loginStatement(account, look, login),
        ),
      );
    },
  }),
  defineState({
    name: 'mysql_user.absent',
    summary: 'Ensure an account does not exist.',
    effect: 'repair',
    needs: mysqlNeeds,
    args: z.object({ ...namedArgs, host: hostArg }),
    examples: [{ title: 'one of old', args: { name: 'app', host: '%' } }],
    async check({ name, host: from, ...args }, ctx) {
      const server = serverOf(args, ctx);
      const account = { user: name, host: from };
      const shown = `${name}@${from}`;
      if ((await findAccount(ctx.host, account, server)).account === undefined)
        return inSync(`User ${shown} is not present, so it cannot be removed`);
      const change = { what: `user ${shown}: absent`, before: shown, after: null, changes: { [name]: 'Absent' } };
      return changesOf(sqlChange(change, server, `DROP USER ${quoteAccount(account)};`));
    },
  }),
];

/** What Salt says of an account that is as it should be (Salt 3006 states/mysql_user.py). */
const WITH: Readonly<Record<Login['kind'], string>> = {
  password: ' with the desired password',
  hash: ' with the desired password hash',
  passwordless: ' with passwordless login',
  socket: ' with passwordless login',
};
