import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { packageChanges, packageRequests } from '../execution/pkg.ts';
import { packageProvider } from '../providers/pkg/index.ts';

const shared = {
  name: z.string().describe('Package, unless pkgs is given.'),
  pkgs: anyValue().optional().describe('List of packages; `name: version` asks for a version.'),
};
const refreshArg = z.boolean().default(false).describe('Refresh the lists before installing.');

/** Packages as they should be. */
export const pkgStates: readonly StateModule[] = [
  defineState({
    name: 'pkg.installed',
    summary: 'Ensure packages are installed, in given versions where asked.',
    effect: 'repair',
    args: z.object({
      ...shared,
      version: z.string().optional().describe('Version; any where absent.'),
      refresh: refreshArg,
    }),
    examples: [{ title: 'one package', args: { name: 'rsync' } }],
    async check({ name, pkgs, version, refresh }, { host }) {
      const provider = await packageProvider(host);
      const installed = await provider.list(host);
      const wanted = packageRequests(name, pkgs, version);
      const missing = wanted.filter(
        (request) =>
          !installed.has(request.name) ||
          (request.version !== undefined && installed.get(request.name) !== request.version),
      );
      if (missing.length === 0) return inSync('All specified packages are already installed');
      const changes = Object.fromEntries(
        missing.map((request) => [
          request.name,
          { old: installed.get(request.name) ?? '', new: request.version ?? 'installed' },
        ]),
      );
      const isNew = missing.every((request) => !installed.has(request.name));
      return changesOf({
        ...acting(
          `packages installed: ${missing.map((request) => request.name).join(', ')}`,
          changes,
          async (writer) => {
            if (refresh) await provider.refresh(writer);
            await provider.install(writer, missing);
          },
        ),
        verb: isNew ? 'add' : 'change',
      });
    },
  }),
  defineState({
    name: 'pkg.latest',
    summary: 'Ensure packages are installed in the newest version the lists have.',
    effect: 'repair',
    args: z.object({ ...shared, refresh: refreshArg }),
    examples: [],
    async check({ name, pkgs, refresh }, { host }) {
      const provider = await packageProvider(host);
      const installed = await provider.list(host);
      const behind: { name: string; version: string }[] = [];
      for (const request of packageRequests(name, pkgs)) {
        const version = await provider.candidate(host, request.name);
        if (version === undefined) return refused(`No package ${request.name} in the lists of ${host.id}`);
        if (installed.get(request.name) !== version) behind.push({ name: request.name, version });
      }
      if (behind.length === 0) return inSync('All packages are up-to-date');
      const changes = Object.fromEntries(
        behind.map((request) => [request.name, { old: installed.get(request.name) ?? '', new: request.version }]),
      );
      const isNew = behind.every((request) => !installed.has(request.name));
      return changesOf({
        ...acting(`packages updated: ${behind.map((request) => request.name).join(', ')}`, changes, async (writer) => {
          if (refresh) await provider.refresh(writer);
          await provider.install(writer, refresh ? behind.map((request) => ({ name: request.name })) : behind);
        }),
        verb: isNew ? 'add' : 'change',
      });
    },
  }),
  ...(['removed', 'purged'] as const).map((verb) =>
    defineState({
      name: `pkg.${verb}`,
      summary:
        verb === 'removed'
          ? 'Ensure packages are not installed; their configuration stays.'
          : 'Ensure packages and their configuration are gone.',
      effect: 'repair',
      args: z.object(shared),
      examples: [],
      async check({ name, pkgs }, { host }) {
        const provider = await packageProvider(host);
        const installed = await provider.list(host);
        const there = packageRequests(name, pkgs)
          .map((request) => request.name)
          .filter((wanted) => installed.has(wanted));
        if (there.length === 0) return inSync('All specified packages are already absent');
        const changes = Object.fromEntries(there.map((wanted) => [wanted, { old: installed.get(wanted)!, new: '' }]));
        return changesOf({
          ...acting(`packages ${verb}: ${there.join(', ')}`, changes, (writer) =>
            provider.remove(writer, there, { purge: verb === 'purged' }),
          ),
          verb: 'remove',
        });
      },
    }),
  ),
];

type Writer = Parameters<Change['apply']>[0]['host'];

function acting(what: string, changes: object, act: (host: Writer) => Promise<void>): Change {
  return {
    what,
    before: null,
    after: null,
    changes,
    async apply({ host }) {
      const provider = await packageProvider(host);
      const before = await provider.list(host);
      await act(host);
      return { changes: packageChanges(before, await provider.list(host)) };
    },
  };
}
