import type { HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { hasProgram } from '../../operations/index.ts';
import { aptProvider } from './apt.ts';
import type { PackageProvider } from './provider.ts';

export { aptProvider, parseCandidate, parseDpkg, parseUpgrades } from './apt.ts';
export type { InstallOptions, PackageProvider, PackageRequest, UpgradeOptions, VersionRelation } from './provider.ts';

/** The provider of a host. @throws EdgeError `EDGE_NOT_SUPPORTED` on hosts whose packages Edge does not know. */
export async function packageProvider(host: HostReader): Promise<PackageProvider> {
  if (await hasProgram(host, 'apt-get')) return aptProvider;
  throw new EdgeError(
    'EDGE_NOT_SUPPORTED',
    `${host.id} has no apt-get, the only package manager Edge knows`,
    {},
    {
      hint: 'Use cmd.run with the package manager of the host.',
    },
  );
}
