import { z } from 'zod';
import { changesOf, defineState, inSync, type StateModule } from '../contract/index.ts';
import {
  htpasswdOptionsArg,
  passwordFileArg,
  runAsArg,
  webPasswordArg,
  webUserArg,
} from '../execution/htpasswd-arguments.ts';
import { isKnown, isPasswordOf, removeUser, setPassword } from '../providers/htpasswd.ts';

/** Names and passwords of web servers as they should be; `htpasswd` is another name of Salt's `webutil`. */
export const htpasswdStates: readonly StateModule[] = (['webutil', 'htpasswd'] as const).flatMap((module) => [
  defineState({
    name: `${module}.user_exists`,
    summary: 'Ensure a name is in a file of passwords of a web server.',
    effect: 'repair',
    needs: ['htpasswd'],
    args: z.object({
      name: webUserArg,
      password: webPasswordArg,
      htpasswd_file: passwordFileArg,
      options: htpasswdOptionsArg,
      force: z
        .boolean()
        .default(false)
        .describe('Accepted for Salt trees: as `update`, a password that is the same stays.'),
      runas: runAsArg,
      update: z.boolean().default(false).describe('Look at the password of a name that is there, too.'),
    }),
    examples: [
      {
        title: 'in bcrypt',
        args: {
          name: 'larry',
          password: 'opensesame',
          htpasswd_file: '/etc/apache2/users',
          options: 'B',
          update: true,
        },
      },
    ],
    async check({ name, password, htpasswd_file: path, options: letters, force, runas: runAs, update }, { host }) {
      const file = { path, runAs };
      const isThere = await isKnown(host, file, name);
      if (isThere && (!(force || update) || (await isPasswordOf(host, file, name, password))))
        return inSync('User already known');
      return changesOf({
        what: `user ${name} in ${path}: ${isThere ? 'password' : 'exists'}`,
        before: isThere ? 'another password' : null,
        after: isThere ? 'the password' : name,
        changes: { [name]: true },
        async apply(ctx) {
          await setPassword(ctx.host, file, name, { password, letters });
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: `${module}.user_absent`,
    summary: 'Ensure a name is not in a file of passwords of a web server.',
    effect: 'repair',
    needs: ['htpasswd'],
    args: z.object({ name: webUserArg, htpasswd_file: passwordFileArg, runas: runAsArg }),
    examples: [{ title: 'no more', args: { name: 'larry', htpasswd_file: '/etc/apache2/users' } }],
    async check({ name, htpasswd_file: path, runas: runAs }, { host }) {
      const file = { path, runAs };
      if (!(await isKnown(host, file, name))) return inSync('User already not in file');
      return changesOf({
        what: `user ${name} in ${path}: absent`,
        before: name,
        after: null,
        changes: { [name]: true },
        async apply(ctx) {
          await removeUser(ctx.host, file, name);
          return undefined;
        },
      });
    },
  }),
]);
