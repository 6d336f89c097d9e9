import type { Secret } from '@edge-run/shared/kernel';
import { DEFAULT_PATH, MARK, quote, quoteForAnyShell } from './script.ts';
import type { SshTarget } from './target.ts';

/** As whom a shell runs, and how it gets there. */
export type Become =
  | { readonly kind: 'login' }
  | { readonly kind: 'sudo' | 'su' | 'doas'; readonly user: string; readonly password: Secret | undefined };

/** Tells shells of different users apart. */
export function becomeKey(become: Become): string {
  return become.kind === 'login' ? '' : `${become.kind} ${become.user}`;
}

/**
 * How to run as `runAs` on a host whose login user is root or not; without it, as the roster says. Root needs nobody's
 * leave, and `su` is everywhere.
 */
export function becomeFor(
  target: SshTarget,
  runAs: string | undefined,
  isRoot: () => Promise<boolean>,
): Promise<Become> {
  const { sudo, sudoUser, user, escalateBy } = target;
  const password = target.sudoPassword ?? target.password;
  const wanted = runAs ?? (sudo ? sudoUser : undefined);
  if (wanted === undefined || wanted === user) return Promise.resolve({ kind: 'login' });
  const asRoot = (): Become =>
    wanted === 'root' ? { kind: 'login' } : { kind: 'su', user: wanted, password: undefined };
  if (user === 'root') return Promise.resolve(asRoot());
  return isRoot().then((root) => (root ? asRoot() : { kind: escalateBy, user: wanted, password }));
}

/**
 * The line that starts a shell which reads its commands from stdin. The login shell reads the line, and that may be
 * csh or fish, with a PATH that leads nowhere: one line, single quotes, nothing else.
 */
export function shellLine(become: Become, key: string): string {
  return become.kind === 'login' ? 'exec /bin/sh' : `exec /bin/sh -c ${quoteForAnyShell(shellScript(become, key))}`;
}

/** What `shellLine` makes of a login: lines of sh that become the shell. */
export function shellScript(become: Become, key: string): string {
  if (become.kind === 'login') return 'exec /bin/sh';
  const inner = `echo ${key} ${MARK.started} $$ >&2; exec /bin/sh`;
  const user = quote(become.user);
  const leader = `echo ${key} ${MARK.leader} $$ >&2; PATH=${DEFAULT_PATH}:$PATH LC_ALL=C; export PATH LC_ALL`;
  return `${leader}; exec ${programOf(become, user, inner, key)}`;
}

function programOf(become: Exclude<Become, { kind: 'login' }>, user: string, inner: string, key: string): string {
  switch (become.kind) {
    case 'sudo': {
      const how = become.password === undefined ? '-n' : `-S -k -p "${key} password:"`;
      return `sudo ${how} -H -u ${user} -- /bin/sh -c "${inner.replaceAll('$', '\\$')}"`;
    }
    case 'su':
      return `su -s /bin/sh ${user} -c "${inner.replaceAll('$', '\\$')}"`;
    case 'doas':
      return `doas -n -u ${user} /bin/sh -c "${inner.replaceAll('$', '\\$')}"`;
  }
}
