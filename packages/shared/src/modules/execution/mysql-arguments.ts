import { z } from 'zod';
import { revealValue } from '../../values/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import { type Login, levelOf, type MysqlServer, type WantedGrant, wantedRights } from '../providers/mysql/index.ts';

const textArg = z
  .string()
  .nullish()
  .transform((text) => text || undefined);
const else_ = (name: string): string => `\`mysql.${name}\` of configuration or pillar where absent.`;

/** How a server is reached, in Salt's names. */
export const connectionArgs = {
  connection_host: textArg.describe(`Host of the server; ${else_('host')}`),
  connection_port: z
    .union([z.number(), z.string()])
    .nullish()
    .describe(`Its port; ${else_('port')}`),
  connection_user: textArg.describe(`User to log in as; ${else_('user')}`),
  connection_pass: z
    .union([z.string(), z.number()])
    .nullish()
    .transform((given) => (given == null ? undefined : String(given)))
    .describe(`Password to log in with; ${else_('pass')}`),
  connection_db: textArg.describe(`Database to log in to; ${else_('db')}`),
  connection_unix_socket: textArg.describe(`Socket of a server on the host; ${else_('unix_socket')}`),
  connection_default_file: textArg.describe(
    `Option file of the client on the host, instead of what is configured; ${else_('default_file')}`,
  ),
  connection_charset: textArg.describe('Accepted for Salt trees; what travels is UTF-8, and the server converts.'),
};

/** What was given of a connection. */
export type ConnectionArgs = z.output<z.ZodObject<typeof connectionArgs>>;

/** How a server is reached: as told, else as `mysql.*` of configuration or pillar say (Salt 3006 modules/mysql.py, _connect). */
export function serverOf(args: ConnectionArgs, ctx: ModuleContext): MysqlServer {
  const configured = (name: string): string | undefined => {
    if (args.connection_default_file !== undefined) return undefined;
    const found = ctx.opts.get(`mysql.${name}`) ?? ctx.pillar.data.get(`mysql.${name}`) ?? null;
    return found === null ? undefined : String(revealValue(found)) || undefined;
  };
  return {
    host: args.connection_host ?? configured('host'),
    port: args.connection_port ?? configured('port'),
    user: args.connection_user ?? configured('user'),
    password: args.connection_pass ?? configured('pass'),
    database: args.connection_db ?? configured('db'),
    unixSocket: args.connection_unix_socket ?? configured('unix_socket'),
    defaultFile: args.connection_default_file ?? configured('default_file'),
  };
}

const secretText = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((given) => (given == null ? undefined : String(given) || undefined));

/** How an account logs in, in Salt's names. */
export const loginArgs = {
  password: secretText.describe('Its password; wins over `password_hash`.'),
  password_hash: secretText.describe('What the server is to keep for it: `*6C89…`.'),
  allow_passwordless: z.boolean().default(false).describe('Without a password it needs none.'),
  unix_socket: z
    .boolean()
    .default(false)
    .describe('With `allow_passwordless`: the user of the host with its name, and nobody else; at `localhost`.'),
  password_column: textArg.describe('Column of `mysql.user` that keeps passwords, where it is an unusual one.'),
  auth_plugin: textArg.describe(
    'How the password is kept; `mysql_native_password` for a new account, and as it is for one that is there.',
  ),
};

/** How an account is to log in; undefined where that is not told. */
export function loginOf({
  password,
  password_hash: hash,
  allow_passwordless,
  unix_socket,
  auth_plugin: plugin,
}: Omit<z.output<z.ZodObject<typeof loginArgs>>, 'password_column'>): Login | undefined {
  if (password !== undefined) return { kind: 'password', password, plugin };
  if (hash !== undefined) return { kind: 'hash', hash, plugin };
  if (!allow_passwordless) return undefined;
  return unix_socket ? { kind: 'socket' } : { kind: 'passwordless' };
}

/** Where an account comes from. */
export const hostArg = z.string().min(1).default('localhost').describe('Host it comes from; % means any.');

/** How a database keeps and orders texts. */
export const charsetArgs = {
  character_set: textArg.describe('Its character set; that of the server where absent, or as it is.'),
  collate: textArg.describe('Its collation; that of the character set where absent.'),
};

/** Rights on a database or table, in Salt's names. */
export const grantArgs = {
  grant: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => (typeof given === 'string' ? given : given.join(',')))
    .refine(
      (text) => wantedRights(text, false) !== undefined,
      'rights are words with commas between: select, lock tables',
    )
    .describe('The rights, with commas or as a list: `select, insert (name)`, `all privileges`.'),
  database: z
    .string()
    .refine((text) => levelOf(text, true) !== undefined, 'write database.table: app.*, app.users or *.*')
    .describe('What they are on: `app.*`, `app.users`, `*.*`; `%` in the name of a database stands for any letters.'),
  grant_option: z.boolean().default(false).describe('It may pass them on.'),
  escape: z.boolean().default(true).describe('`_` in the name of a database is a letter, and does not stand for any.'),
};

/** The rights that are meant. */
export function wantedGrant({
  grant,
  database,
  grant_option,
  escape: isEscaped,
}: z.output<z.ZodObject<typeof grantArgs>>): WantedGrant {
  return { ...wantedRights(grant, grant_option)!, level: levelOf(database, isEscaped)! };
}
