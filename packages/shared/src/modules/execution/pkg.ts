import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { type PackageRequest, packageProvider } from '../providers/pkg/index.ts';

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
    }),
    returns: 'A mapping of what changed to {old, new} versions.',
    examples: [{ title: 'one package', args: { name: 'rsync' } }],
    async run({ name, refresh, version, pkgs }, { host }) {
      const provider = await packageProvider(host);
      const before = await provider.list(host);
      if (refresh) await provider.refresh(host);
      await provider.install(host, packageRequests(name, pkgs, version));
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
