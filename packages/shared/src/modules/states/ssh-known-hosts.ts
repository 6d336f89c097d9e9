import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { hostnameArg, knownHostsArg, knownUserArg } from '../execution/ssh-arguments.ts';
import {
  knownHostArgs,
  knownHostRequest,
  knownHostsPath,
  nameOf,
  planKnownHost,
  shownChange,
  shownEntries,
} from '../execution/ssh-known-hosts.ts';
import { findOwnEntries, readKnownHosts, removeKnownHost, writeKnownHosts } from '../providers/ssh/index.ts';

/** Hosts that ssh trusts, as they should be. */
export const sshKnownHostsStates: readonly StateModule[] = [
  defineState({
    name: 'ssh_known_hosts.present',
    summary: 'Ensure a host is known to ssh, by a key, by a fingerprint, or by what it shows when it is asked.',
    effect: 'repair',
    args: z.object({ name: hostnameArg, user: knownUserArg, ...knownHostArgs }),
    examples: [
      {
        title: 'by its key, for everybody',
        args: {
          name: 'git.example.com',
          key: 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
        },
      },
      {
        title: 'asked, and compared',
        args: {
          ...{ name: 'git.example.com', user: 'deploy' },
          fingerprint: 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
        },
      },
    ],
    async check(args, ctx) {
      const request = knownHostRequest(args.name, args);
      const { path, hash } = request;
      const plan = await planKnownHost(ctx.host, request, ctx.signal);
      if (plan.kind === 'refused') return refused(plan.reason);
      if (plan.kind === 'exists') return inSync(`Host ${args.name} is already in ${path.config}`);
      const changes = shownChange(plan, hash);
      const types = plan.entries.map(({ enc }) => enc).join(', ');
      return changesOf({
        what: `${args.name}'s key saved to ${path.config} (${types})`,
        before: changes.old,
        after: changes.new,
        changes,
        async apply({ host }) {
          await writeKnownHosts(host, path, plan.edit(await readKnownHosts(host, path)));
          return undefined;
        },
      });
    },
  }),
  defineState({
    name: 'ssh_known_hosts.absent',
    summary: 'Ensure no line names a host that ssh knows.',
    effect: 'repair',
    args: z.object({ name: hostnameArg, user: knownUserArg, config: knownHostsArg }),
    examples: [{ title: 'for everybody', args: { name: 'old.example.com' } }],
    async check({ name: given, user, config }, ctx) {
      const path = knownHostsPath(user, config);
      if (path.user === undefined && !path.config.startsWith('/'))
        return refused('If not specifying a "user", specify an absolute "config".');
      const name = nameOf(given, undefined);
      const found = findOwnEntries(await readKnownHosts(ctx.host, path), name);
      if (found.length === 0) return inSync('Host is already absent');
      const old = shownEntries(found, undefined);
      return changesOf({
        what: `${given} removed from ${path.config}`,
        before: old,
        after: null,
        changes: { old, new: null },
        async apply({ host }) {
          await writeKnownHosts(host, path, removeKnownHost(await readKnownHosts(host, path), name));
          return undefined;
        },
      });
    },
  }),
];
