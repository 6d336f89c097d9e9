import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import { mustRun } from '../operations/index.ts';
import type { InstallOptions, PackageProvider } from '../providers/pkg/index.ts';
import { fetchUrl } from './cp-files.ts';

/** A package that is installed from a file. */
export interface PackageFile {
  readonly name: string;
  /** `salt://` path, http address, or path on the host. */
  readonly source: string;
}

/** The packages of `sources`: a list of `name: source`. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function packageFiles(sources: Value): readonly PackageFile[] {
  const maps = Array.isArray(sources) ? sources : [sources];
  const files = maps.flatMap((map) =>
    map instanceof PyMap
      ? [...map].flatMap(([name, source]) => (typeof source === 'string' ? [{ name: String(name), source }] : []))
      : [],
  );
  const wanted = maps.reduce<number>((count, map) => count + (map instanceof PyMap ? map.size : 1), 0);
  if (files.length === wanted && files.length > 0) return files;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    'sources is no list of packages and where their files are',
    {},
    { hint: 'Write sources: [{NAME: salt://NAME.deb}].' },
  );
}

/**
 * The version of a package file. An http address whose name is that of a package file of Debian (`name_version_arch.deb`)
 * is believed: such a file is fetched only to be installed. Those names have no epoch.
 */
export async function packageFileVersion(
  ctx: ModuleContext,
  provider: PackageProvider,
  { source }: PackageFile,
): Promise<string> {
  const named = /^https?:\/\/.*\/[a-z0-9][a-z0-9+.-]*_(\d[\w.+~%-]*)_[a-z0-9-]+\.deb$/.exec(source)?.[1];
  if (named !== undefined) return named.replace(/%(2b|3a|7e)/gi, (code) => decodeURIComponent(code));
  const path = hostPath(source);
  if (path !== undefined && (await ctx.host.stat(path)) !== undefined) return provider.fileVersion(ctx.host, { path });
  return provider.fileVersion(ctx.host, { content: await contentOf(ctx, source) });
}

/** Whether an installed version is that of a package file, whose name may have told it without its epoch. */
export function isVersionOfFile(installed: string, version: string): boolean {
  return installed === version || installed.replace(/^\d+:/, '') === version;
}

/** Installs packages from their files, all at once, so that they may need each other. */
export async function installPackageFiles(
  ctx: ModuleContext<Host>,
  provider: PackageProvider,
  files: readonly PackageFile[],
  options: InstallOptions = {},
): Promise<void> {
  const { host } = ctx;
  const dir = (await mustRun(host, ['mktemp', '-d'])).stdout.trim();
  try {
    // The user as whom apt reads package files has to get there.
    await mustRun(host, ['chmod', '0755', '--', dir]);
    const paths: { name: string }[] = [];
    for (const [index, { source }] of files.entries()) {
      const there = hostPath(source);
      const path = there ?? `${dir}/${index}.deb`;
      if (there === undefined) await host.writeFile(path, await contentOf(ctx, source), { mode: 0o644 });
      paths.push({ name: path });
    }
    await provider.install(host, paths, options);
  } finally {
    await host.remove(dir);
  }
}

async function contentOf(ctx: ModuleContext, source: string): Promise<Uint8Array> {
  const found = await fetchUrl(ctx, source, {});
  if (found !== undefined) return found.bytes;
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `package file ${source} is not there`,
    { source, saltenv: ctx.saltenv },
    { hint: `Paths of salt:// are below the file roots of ${ctx.saltenv}.` },
  );
}

function hostPath(source: string): string | undefined {
  const path = source.startsWith('file://') ? source.slice('file://'.length) : source;
  return path.startsWith('/') ? path : undefined;
}
