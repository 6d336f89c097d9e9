import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { isKnown, isPasswordOf, removeUser, setPassword } from '../providers/htpasswd.ts';
import { htpasswdOptionsArg, passwordFileArg, runAsArg, webPasswordArg, webUserArg } from './htpasswd-arguments.ts';

const shared = { pwfile: passwordFileArg, user: webUserArg };

/** Names and passwords of web servers, with htpasswd. */
export const htpasswdFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'webutil.useradd',
    summary: 'Give a name a password in a file; the file is made where there is none.',
    args: z.object({ ...shared, password: webPasswordArg, opts: htpasswdOptionsArg, runas: runAsArg }),
    returns: 'True.',
    examples: [{ title: 'larry', args: { pwfile: '/etc/apache2/users', user: 'larry', password: 'opensesame' } }],
    async run({ pwfile: path, user, password, opts: letters, runas: runAs }, { host }) {
      await setPassword(host, { path, runAs }, user, { password, letters });
      return true;
    },
  }),
  defineWrite({
    name: 'webutil.userdel',
    summary: 'Take a name out of a file of passwords.',
    args: z.object({ ...shared, runas: runAsArg }),
    returns: 'True; false where it is not in it.',
    examples: [],
    async run({ pwfile: path, user, runas: runAs }, { host }) {
      if (!(await isKnown(host, { path, runAs }, user))) return false;
      await removeUser(host, { path, runAs }, user);
      return true;
    },
  }),
  defineRead({
    name: 'webutil.verify',
    summary: 'Tell whether a password is that of a name in a file.',
    args: z.object({ ...shared, password: webPasswordArg, opts: htpasswdOptionsArg, runas: runAsArg }),
    returns: 'True or false.',
    examples: [],
    run: async ({ pwfile: path, user, password, runas: runAs }, { host }) =>
      (await isKnown(host, { path, runAs }, user)) && (await isPasswordOf(host, { path, runAs }, user, password)),
  }),
];
