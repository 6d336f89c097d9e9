import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { anyValue } from '../../schema/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
} from '../contract/index.ts';
import { packageChanges, packageRequests } from '../execution/pkg.ts';
import {
  installPackageFiles,
  isVersionOfFile,
  type PackageFile,
  packageFiles,
  packageFileVersion,
} from '../execution/pkg-files.ts';
import { type PackageProvider, type PackageRequest, packageProvider } from '../providers/pkg/index.ts';
import { installArgs, installOptions, packageArgs } from './pkg-arguments.ts';
import { holdChange, pkgHoldStates } from './pkg-hold.ts';
import { isAskedFor, satisfies } from './pkg-versions.ts';

const refreshArg = z.boolean().default(false).describe('Refresh the lists before installing.');
const ofNames = {
  normalize: z.boolean().default(true).describe('Accepted for Salt trees.'),
  ignore_epoch: z.boolean().optional().describe('Accepted for Salt trees.'),
};

/** Packages as they should be. */
export const pkgStates: readonly StateModule[] = [
  defineState({
    name: 'pkg.installed',
    summary: 'Ensure packages are installed, in given versions where asked.',
    effect: 'repair',
    args: z.object({
      ...packageArgs,
      version: z.string().optional().describe('Version, a pattern (1.2.*), or a comparison (>=1.2); any where absent.'),
      refresh: z
        .boolean()
        .optional()
        .describe('Refresh the lists before installing; where absent, when they do not have what is wanted.'),
      ...installArgs,
      sources: anyValue()
        .optional()
        .describe('Packages from files: a list of `name: source`, a salt:// path, http address or path on the host.'),
      hold: z.boolean().optional().describe('Keep the packages as they are, or not; left alone where absent.'),
      allow_updates: z.boolean().default(false).describe('A newer version than the one asked for is fine.'),
      reinstall: z
        .literal(
          false,
          'a state leaves alone what is installed; module.run with pkg.install and reinstall: True does not',
        )
        .default(false)
        .describe('Accepted for Salt trees where it is false.'),
      pkg_verify: z
        .literal(false, 'apt cannot verify what it installed')
        .default(false)
        .describe('Accepted for Salt trees where it is false; of RPM.'),
      ...ofNames,
    }),
    examples: [
      { title: 'one package', args: { name: 'rsync' } },
      { title: 'from a file', args: { name: 'shop', sources: [{ shop: 'salt://packages/shop_1.2_amd64.deb' }] } },
    ],
    async check({ name, pkgs, sources, version, refresh, allow_updates, hold, ...given }, ctx) {
      const { host } = ctx;
      const provider = await packageProvider(host);
      const installed = await provider.list(host);
      const files = sources === undefined || sources === null ? [] : packageFiles(sources);
      const wanted: readonly (PackageRequest & Partial<PackageFile>)[] =
        files.length > 0 ? files : packageRequests(name, pkgs, version);
      const missing: (PackageRequest & Partial<PackageFile>)[] = [];
      for (const request of wanted) {
        const now = installed.get(request.name);
        if (now === undefined && given.only_upgrade) continue;
        const { source } = request;
        const fits =
          now !== undefined &&
          (source === undefined
            ? await satisfies(provider, host, request, now, allow_updates)
            : await fitsFile(ctx, provider, { name: request.name, source }, { now, allow_updates }));
        if (!fits) missing.push(request);
      }
      const names = wanted.map((request) => request.name);
      const holding = hold === undefined ? true : holdChange(names, await provider.held(host), hold);
      if (missing.length === 0)
        return holding === true ? inSync('All specified packages are already installed') : changesOf(holding);
      const changes = Object.fromEntries(
        missing.map((request) => [
          request.name,
          { old: installed.get(request.name) ?? '', new: request.version ?? request.source ?? 'installed' },
        ]),
      );
      const isNew = missing.every((request) => !installed.has(request.name));
      const installation = {
        ...acting(
          `packages installed: ${missing.map((request) => request.name).join(', ')}`,
          changes,
          async (writer) => {
            if (refresh === true) await provider.refresh(writer.host);
            await installing(provider, writer.host, { isFresh: refresh !== undefined }, async () => {
              const options = installOptions(given);
              if (files.length > 0) {
                const lacking = files.filter((file) => missing.some((request) => request.name === file.name));
                await installPackageFiles(writer, provider, lacking, options);
                return;
              }
              const requests = missing.map((request) =>
                isAskedFor(request.version) ? request : { name: request.name },
              );
              await provider.install(writer.host, requests, options);
            });
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
    args: z.object({
      ...packageArgs,
      refresh: refreshArg,
      ...installArgs,
      watch_flags: z.boolean().default(true).describe('Accepted for Salt trees; of Gentoo.'),
    }),
    examples: [],
    async check({ name, pkgs, refresh, ...given }, { host }) {
      const provider = await packageProvider(host);
      const installed = await provider.list(host);
      const behind: { name: string; version: string }[] = [];
      for (const request of packageRequests(name, pkgs)) {
        if (given.only_upgrade && !installed.has(request.name)) continue;
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
          if (refresh) await provider.refresh(writer.host);
          const requests = refresh ? behind.map((request) => ({ name: request.name })) : behind;
          await provider.install(writer.host, requests, installOptions(given));
        }),
        verb: isNew ? 'add' : 'change',
      });
    },
  }),
  defineState({
    name: 'pkg.uptodate',
    summary: 'Upgrade packages of which the lists have newer versions: all, or those named.',
    effect: 'action',
    args: z.object({
      name: z.string().describe('Any words; the packages are all there are, unless pkgs is given.'),
      pkgs: packageArgs.pkgs,
      refresh: z
        .boolean()
        .default(false)
        .describe('Refresh the lists first, each time: what they bring then is upgraded too.'),
      dist_upgrade: z.boolean().default(false).describe('Also install and remove other packages for it.'),
      ...installArgs,
    }),
    examples: [{ title: 'everything, with fresh lists', args: { name: 'all packages', refresh: true } }],
    async check({ pkgs, refresh, dist_upgrade, ...given }, { host }) {
      const provider = await packageProvider(host);
      const asked = pkgs === undefined ? undefined : packageRequests(undefined, pkgs).map((request) => request.name);
      const newer = async (): Promise<[string, string][]> =>
        [...(await provider.upgrades(host, { isFull: dist_upgrade }))].filter(
          ([name]) => asked?.includes(name) ?? true,
        );
      const behind = await newer();
      if (behind.length === 0 && !refresh) return inSync('System is already up-to-date');
      const installed = await provider.list(host);
      const changes = Object.fromEntries(
        behind.map(([name, version]) => [name, { old: installed.get(name) ?? '', new: version }]),
      );
      const what =
        behind.length === 0 ? 'lists refreshed' : `packages upgraded: ${behind.map(([name]) => name).join(', ')}`;
      return changesOf({
        ...acting(what, changes, async (writer) => {
          if (refresh) await provider.refresh(writer.host);
          const requests = (refresh ? await newer() : behind).map(([name, version]) => ({ name, version }));
          if (requests.length === 0) return;
          const options = installOptions(given);
          if (asked === undefined) await provider.upgrade(writer.host, { ...options, isFull: dist_upgrade });
          else await provider.install(writer.host, requests, { ...options, onlyUpgrade: true });
        }),
        verb: behind.length === 0 ? 'run' : 'change',
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
      args: z.object({
        ...packageArgs,
        version: z.string().optional().describe('Only where this version is installed; as in pkg.installed.'),
        ...ofNames,
      }),
      examples: [],
      async check({ name, pkgs, version }, { host }) {
        const provider = await packageProvider(host);
        const installed = await provider.list(host);
        const remnants = verb === 'purged' ? await provider.remnants(host) : new Set<string>();
        const there: string[] = [];
        for (const request of packageRequests(name, pkgs, version)) {
          const now = installed.get(request.name);
          const isMeant =
            now === undefined
              ? remnants.has(request.name) && request.version === undefined
              : await satisfies(provider, host, request, now, false);
          if (isMeant) there.push(request.name);
        }
        if (there.length === 0) return inSync('All specified packages are already absent');
        const changes = Object.fromEntries(
          there.map((wanted) => [wanted, { old: installed.get(wanted) ?? '', new: '' }]),
        );
        return changesOf({
          ...acting(`packages ${verb}: ${there.join(', ')}`, changes, (writer) =>
            provider.remove(writer.host, there, { purge: verb === 'purged' }),
          ),
          verb: 'remove',
        });
      },
    }),
  ),
  ...pkgHoldStates,
];

/** Whether what is installed is what a package file holds. */
async function fitsFile(
  ctx: ModuleContext,
  provider: PackageProvider,
  file: PackageFile,
  { now, allow_updates }: { readonly now: string; readonly allow_updates: boolean },
): Promise<boolean> {
  const version = await packageFileVersion(ctx, provider, file);
  return isVersionOfFile(now, version) || (allow_updates && (await provider.compare(ctx.host, now, 'ge', version)));
}

/**
 * Installs packages. Lists that may be old are refreshed when they do not have what is wanted: Salt refreshes them once
 * for each run.
 */
async function installing(
  provider: PackageProvider,
  host: Host,
  { isFresh }: { readonly isFresh: boolean },
  install: () => Promise<void>,
): Promise<void> {
  try {
    await install();
  } catch (error) {
    if (isFresh) throw error;
    await provider.refresh(host);
    await install();
  }
}

function acting(what: string, changes: object, act: (ctx: ModuleContext<Host>) => Promise<void>): Change {
  return {
    what,
    before: null,
    after: null,
    changes,
    async apply(ctx) {
      const provider = await packageProvider(ctx.host);
      const before = await provider.list(ctx.host);
      await act(ctx);
      return { changes: packageChanges(before, await provider.list(ctx.host)) };
    },
  };
}
