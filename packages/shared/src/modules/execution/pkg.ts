import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { type PackageRequest, packageProvider } from '../providers/pkg/index.ts';
import { installPackageFiles, packageFiles } from './pkg-files.ts';

const nameArg = z
  .string()
  .regex(/^[^-]/, 'a package does not begin with a dash')
  .optional()
  .describe('Package, or several with commas.');
const pkgsArg = anyValue().optional().describe('List of packages; `name: version` asks for a version.');

/** The packages a function or state was asked for. */
export function packageRequests(name: string | undefined, pkgs: Value | undefined, version?: string): PackageRequest[] {
  if (Array.isArray(pkgs))
    return pkgs.flatMap((item) =>
      item instanceof PyMap
        ? [...item].map(([key, value]) => ({ name: String(key), version: value === null ? undefined : String(value) }))
        : [{ name: String(item) }],
    );
  const names = (name ?? '').split(',').map((part) => part.trim());
  return names
    .filter((part) => part !== '')
    .map((part) => (version === undefined ? { name: part } : { name: part, version }));
}

/** What changed between two lists of packages, as Salt answers it. */
export function packageChanges(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Record<string, { old: string; new: string }> {
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  return Object.fromEntries(
    names.sort().map((name) => [name, { old: before.get(name) ?? '', new: after.get(name) ?? '' }]),
  );
}

/** Packages of a host. */
export const pkgFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'pkg.install',
    summary: 'Install packages.',
    args: z.object({
      name: nameArg,
      refresh: z.boolean().default(false).describe('Refresh the lists first.'),
      version: z.string().optional().describe('Version to install.'),
      pkgs: pkgsArg,
      sources: anyValue().optional().describe('Packages from files: a list of `name: source`.'),
      fromrepo: z.string().optional().describe('Release or repository to install from.'),
      skip_verify: z.boolean().default(false).describe('Take packages that nobody has signed.'),
      install_recommends: z.boolean().optional().describe('Also what they recommend; the host decides where absent.'),
      only_upgrade: z.boolean().default(false).describe('Leave packages alone that are not installed.'),
      reinstall: z.boolean().default(false).describe('Install again what is there.'),
      force_conf_new: z.boolean().default(false).describe('Replace configuration files although they were changed.'),
    }),
    returns: 'A mapping of what changed to {old, new} versions.',
    examples: [{ title: 'one package', args: { name: 'rsync' } }],
    async run({ name, refresh, version, pkgs, sources, ...given }, ctx) {
      const { host } = ctx;
      const provider = await packageProvider(host);
      const before = await provider.list(host);
      if (refresh) await provider.refresh(host);
      const options = {
        ...{ from: given.fromrepo, skipVerify: given.skip_verify, recommended: given.install_recommends },
        ...{ onlyUpgrade: given.only_upgrade, reinstall: given.reinstall, newConfiguration: given.force_conf_new },
      };
      if (sources === undefined) await provider.install(host, packageRequests(name, pkgs, version), options);
      else await installPackageFiles(ctx, provider, packageFiles(sources), options);
      return packageChanges(before, await provider.list(host));
    },
  }),
  ...(['remove', 'purge'] as const).map((verb) =>
    defineWrite({
      name: `pkg.${verb}`,
      summary:
        verb === 'remove' ? 'Remove packages; their configuration stays.' : 'Remove packages with their configuration.',
      args: z.object({ name: nameArg, pkgs: pkgsArg }),
      returns: 'A mapping of what changed to {old, new} versions.',
      examples: [],
      async run({ name, pkgs }, { host }) {
        const provider = await packageProvider(host);
        const before = await provider.list(host);
        const names = packageRequests(name, pkgs)
          .map((request) => request.name)
          .filter((wanted) => verb === 'purge' || before.has(wanted));
        if (names.length > 0) await provider.remove(host, names, { purge: verb === 'purge' });
        return packageChanges(before, await provider.list(host));
      },
    }),
  ),
  defineRead({
    name: 'pkg.list_pkgs',
    summary: 'Answer the installed packages.',
    args: z.object({ versions_as_list: z.boolean().default(false).describe('Answer lists of versions.') }),
    returns: 'A mapping of names to versions.',
    examples: [],
    async run({ versions_as_list }, { host }) {
      const installed = await (await packageProvider(host)).list(host);
      return Object.fromEntries(
        [...installed].sort().map(([name, version]) => [name, versions_as_list ? [version] : version]),
      );
    },
  }),
  ...(['version', 'latest_version', 'available_version'] as const).map((what) =>
    defineRead({
      name: `pkg.${what}`,
      summary:
        what === 'version'
          ? 'Answer the installed versions of packages.'
          : 'Answer the versions an installation would bring; empty when they are installed.',
      args: z.object({ names: z.array(z.string()).min(1).describe('Packages.') }),
      rest: 'names',
      returns: 'A version; a mapping for several packages.',
      examples: [],
      async run({ names }, { host }) {
        const provider = await packageProvider(host);
        const installed = await provider.list(host);
        const found: Record<string, string> = {};
        for (const name of names) {
          const candidate = what === 'version' ? undefined : await provider.candidate(host, name);
          found[name] =
            what === 'version'
              ? (installed.get(name) ?? '')
              : candidate === installed.get(name)
                ? ''
                : (candidate ?? '');
        }
        return names.length === 1 ? found[names[0]!] : found;
      },
    }),
  ),
  defineRead({
    name: 'pkg.upgrade_available',
    summary: 'Tell whether the lists have a newer version of an installed package.',
    args: z.object({ name: z.string().describe('Package.') }),
    returns: 'True or false.',
    examples: [],
    async run({ name }, { host }) {
      const provider = await packageProvider(host);
      const [now, candidate] = [(await provider.list(host)).get(name), await provider.candidate(host, name)];
      return now !== undefined && candidate !== undefined && (await provider.compare(host, candidate, 'gt', now));
    },
  }),
  defineRead({
    name: 'pkg.list_upgrades',
    summary: 'Answer the packages of which the lists have newer versions.',
    args: z.object({
      refresh: z
        .literal(false, 'it only looks; call pkg.refresh_db first')
        .default(false)
        .describe('Accepted for Salt trees where it is false; pkg.refresh_db refreshes the lists.'),
      dist_upgrade: z.boolean().default(true).describe('Also those that need other packages for it.'),
    }),
    returns: 'A mapping of names to versions.',
    examples: [],
    async run({ dist_upgrade }, { host }) {
      return Object.fromEntries(await (await packageProvider(host)).upgrades(host, { isFull: dist_upgrade }));
    },
  }),
  defineWrite({
    name: 'pkg.upgrade',
    summary: 'Upgrade all packages of which the lists have newer versions.',
    args: z.object({
      refresh: z.boolean().default(true).describe('Refresh the lists first.'),
      dist_upgrade: z.boolean().default(false).describe('Also install and remove other packages for it.'),
      force_conf_new: z.boolean().default(false).describe('Replace configuration files although they were changed.'),
    }),
    returns: 'A mapping of what changed to {old, new} versions.',
    examples: [],
    async run({ refresh, dist_upgrade, force_conf_new }, { host }) {
      const provider = await packageProvider(host);
      const before = await provider.list(host);
      if (refresh) await provider.refresh(host);
      await provider.upgrade(host, { isFull: dist_upgrade, newConfiguration: force_conf_new });
      return packageChanges(before, await provider.list(host));
    },
  }),
  ...([true, false] as const).map((wanted) =>
    defineWrite({
      name: wanted ? 'pkg.hold' : 'pkg.unhold',
      summary: wanted ? 'Keep packages as they are.' : 'Let packages be changed again.',
      args: z.object({ name: nameArg, pkgs: pkgsArg }),
      returns: 'A mapping of names to {name, changes, result, comment}.',
      examples: [],
      async run({ name, pkgs }, { host }) {
        const provider = await packageProvider(host);
        const held = await provider.held(host);
        const names = packageRequests(name, pkgs).map((request) => request.name);
        const others = names.filter((other) => held.has(other) !== wanted);
        if (others.length > 0) await provider.setHeld(host, others, wanted);
        return Object.fromEntries(names.map((one) => [one, heldAnswer(one, wanted, others.includes(one))]));
      },
    }),
  ),
  defineRead({
    name: 'pkg.version_cmp',
    summary: 'Compare two versions by the rules of the packages of the host.',
    args: z.object({
      pkg1: z.string().describe('A version.'),
      pkg2: z.string().describe('The other version.'),
      ignore_epoch: z.boolean().default(false).describe('Compare what is behind the epoch (`1:`).'),
    }),
    returns: '-1, 0 or 1.',
    examples: [{ title: 'is 9.2 older than 9.10?', args: { pkg1: '9.2', pkg2: '9.10' } }],
    async run({ pkg1, pkg2, ignore_epoch }, { host }) {
      const [one, other] = [pkg1, pkg2].map((version) => (ignore_epoch ? version.replace(/^\d+:/, '') : version));
      const provider = await packageProvider(host);
      if (await provider.compare(host, one!, 'lt', other!)) return -1;
      return (await provider.compare(host, one!, 'eq', other!)) ? 0 : 1;
    },
  }),
  defineWrite({
    name: 'pkg.refresh_db',
    summary: 'Refresh the lists of packages.',
    args: z.object({}),
    returns: 'True.',
    examples: [],
    async run(_, { host }) {
      await (await packageProvider(host)).refresh(host);
      return true;
    },
  }),
];

/** What Salt answers for one package of `pkg.hold` and `pkg.unhold`. */
function heldAnswer(name: string, isHeld: boolean, isChanged: boolean): object {
  const [old, now] = isHeld ? ['install', 'hold'] : ['hold', 'install'];
  const said = isHeld ? 'being held' : 'not being held';
  return {
    name,
    changes: isChanged ? { old, new: now } : {},
    result: true,
    comment: isChanged ? `Package ${name} is now ${said}.` : `Package ${name} is already ${said}.`,
  };
}
