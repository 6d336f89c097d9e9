import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { anyValue } from '../../schema/index.ts';
import { globMatches } from '../../target/index.ts';
import { type Change, changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { packageChanges, packageRequests } from '../execution/pkg.ts';
import {
  type PackageProvider,
  type PackageRequest,
  packageProvider,
  type VersionRelation,
} from '../providers/pkg/index.ts';

const shared = {
  name: z.string().describe('Package, unless pkgs is given.'),
  pkgs: anyValue().optional().describe('List of packages; `name: version` asks for a version.'),
};
const refreshArg = z.boolean().default(false).describe('Refresh the lists before installing.');
const sourceArgs = {
  fromrepo: z.string().optional().describe('Release or repository to install from: bookworm-backports.'),
  skip_verify: z.boolean().default(false).describe('Take packages that nobody has signed.'),
  install_recommends: z.boolean().optional().describe('Also what they recommend; the host decides where absent.'),
  only_upgrade: z.boolean().default(false).describe('Leave packages alone that are not installed.'),
  cache_valid_time: z.number().optional().describe('Accepted for Salt trees; `refresh` alone says whether to refresh.'),
  skip_suggestions: z.boolean().default(false).describe('Accepted for Salt trees; nothing else is suggested.'),
  resolve_capabilities: z.boolean().default(false).describe('Accepted for Salt trees; names are those of packages.'),
};
type SourceArgs = z.output<z.ZodObject<typeof sourceArgs>>;

/** Packages as they should be. */
export const pkgStates: readonly StateModule[] = [
  defineState({
    name: 'pkg.installed',
    summary: 'Ensure packages are installed, in given versions where asked.',
    effect: 'repair',
    args: z.object({
      ...shared,
      version: z.string().optional().describe('Version, a pattern (1.2.*), or a comparison (>=1.2); any where absent.'),
      refresh: z
        .boolean()
        .optional()
        .describe('Refresh the lists before installing; where absent, when they do not have what is wanted.'),
      ...sourceArgs,
      hold: z.boolean().optional().describe('Keep the packages as they are, or not; left alone where absent.'),
      allow_updates: z.boolean().default(false).describe('A newer version than the one asked for is fine.'),
      normalize: z.boolean().default(true).describe('Accepted for Salt trees.'),
      ignore_epoch: z.boolean().default(false).describe('Accepted for Salt trees.'),
      update_holds: z.boolean().default(false).describe('Accepted for Salt trees; packages on hold are left alone.'),
    }),
    examples: [{ title: 'one package', args: { name: 'rsync' } }],
    async check({ name, pkgs, version, refresh, allow_updates, hold, ...source }, { host }) {
      const provider = await packageProvider(host);
      const installed = await provider.list(host);
      const wanted = packageRequests(name, pkgs, version);
      const missing: PackageRequest[] = [];
      for (const request of wanted) {
        const now = installed.get(request.name);
        if (now === undefined && source.only_upgrade) continue;
        const fits = now !== undefined && (await satisfies(provider, host, request, now, allow_updates));
        if (!fits) missing.push(request);
      }
      const names = wanted.map((request) => request.name);
      const holding = hold === undefined ? true : holdChange(names, await provider.held(host), hold);
      if (missing.length === 0)
        return holding === true ? inSync('All specified packages are already installed') : changesOf(holding);
      const changes = Object.fromEntries(
        missing.map((request) => [
          request.name,
          { old: installed.get(request.name) ?? '', new: request.version ?? 'installed' },
        ]),
      );
      const isNew = missing.every((request) => !installed.has(request.name));
      const installation = {
        ...acting(
          `packages installed: ${missing.map((request) => request.name).join(', ')}`,
          changes,
          async (writer) => {
            if (refresh === true) await provider.refresh(writer);
            const requests = missing.map((request) => (isAskedFor(request.version) ? request : { name: request.name }));
            await installing(provider, writer, requests, { source, isFresh: refresh !== undefined });
          },
        ),
        verb: isNew ? ('add' as const) : ('change' as const),
      };
      return changesOf(installation, holding);
    },
  }),
  defineState({
    name: 'pkg.latest',
    summary: 'Ensure packages are installed in the newest version the lists have.',
    effect: 'repair',
    args: z.object({ ...shared, refresh: refreshArg, ...sourceArgs }),
    examples: [],
    async check({ name, pkgs, refresh, ...source }, { host }) {
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
          const requests = refresh ? behind.map((request) => ({ name: request.name })) : behind;
          await installing(provider, writer, requests, { source, isFresh: true });
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
  ...([true, false] as const).map((wanted) =>
    defineState({
      name: wanted ? 'pkg.held' : 'pkg.unheld',
      summary: wanted ? 'Ensure packages are kept as they are.' : 'Ensure packages may be changed.',
      effect: 'repair',
      args: z.object(shared),
      examples: [],
      async check({ name, pkgs }, { host }) {
        const names = packageRequests(name, pkgs).map((request) => request.name);
        return changesOf(holdChange(names, await (await packageProvider(host)).held(host), wanted));
      },
    }),
  ),
];

/** What has to be done for packages to be kept as they are, or not; true when nothing. */
function holdChange(names: readonly string[], held: ReadonlySet<string>, wanted: boolean): Change | true {
  const others = names.filter((name) => held.has(name) !== wanted);
  if (others.length === 0) return true;
  return {
    what: `packages ${wanted ? 'held' : 'not held'}: ${others.join(', ')}`,
    before: !wanted,
    after: wanted,
    changes: Object.fromEntries(others.map((name) => [name, { hold: wanted }])),
    async apply({ host }) {
      await (await packageProvider(host)).setHeld(host, others, wanted);
      return undefined;
    },
  };
}

type Writer = Parameters<Change['apply']>[0]['host'];

const RELATIONS: Readonly<Record<string, VersionRelation>> = {
  '<': 'lt',
  '<=': 'le',
  '=': 'eq',
  '==': 'eq',
  '>=': 'ge',
  '>': 'gt',
};

/** A version or pattern that a package manager can be asked for; it has no word for comparisons. */
function isAskedFor(version: string | undefined): boolean {
  return version !== undefined && version !== 'latest' && !/^\s*[<>=!]/.test(version);
}

/** Whether an installed version is what was asked for: a version, a pattern, or comparisons with commas between. */
async function satisfies(
  provider: PackageProvider,
  host: HostReader,
  { name, version: wanted }: PackageRequest,
  now: string,
  newerIsFine: boolean,
): Promise<boolean> {
  if (wanted === undefined || wanted === now) return true;
  if (wanted === 'latest') return (await provider.candidate(host, name)) === now;
  if (isAskedFor(wanted))
    return globMatches(wanted, now) || (newerIsFine && (await provider.compare(host, now, 'ge', wanted)));
  for (const part of wanted.split(',')) {
    const [, sign = '', version = ''] = /^\s*([<>=!]*)\s*(.*?)\s*$/.exec(part) ?? [];
    const relation = RELATIONS[sign];
    const holds =
      relation === undefined
        ? globMatches(version, now) !== (sign === '!=')
        : await provider.compare(host, now, relation, version);
    if (!holds) return false;
  }
  return true;
}

/**
 * Installs packages. Lists that may be old are refreshed when they do not have what is wanted: Salt refreshes them once
 * for each run.
 */
async function installing(
  provider: PackageProvider,
  host: Writer,
  packages: readonly PackageRequest[],
  { source, isFresh }: { source: SourceArgs; isFresh: boolean },
): Promise<void> {
  const options = {
    from: source.fromrepo,
    skipVerify: source.skip_verify,
    recommended: source.install_recommends,
    onlyUpgrade: source.only_upgrade,
  };
  try {
    await provider.install(host, packages, options);
  } catch (error) {
    if (isFresh) throw error;
    await provider.refresh(host);
    await provider.install(host, packages, options);
  }
}

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
