import type { Host, HostReader } from '../../../host/index.ts';

/** A package to install, with a version where one is asked for. */
export interface PackageRequest {
  readonly name: string;
  readonly version?: string | undefined;
}

/** One way packages are kept on hosts. */
export interface PackageProvider {
  readonly kind: string;
  /** Installed packages: name → version. */
  list(host: HostReader): Promise<ReadonlyMap<string, string>>;
  /** Version that would be installed; undefined: nothing of that name can be. */
  candidate(host: HostReader, name: string): Promise<string | undefined>;
  refresh(host: Host): Promise<void>;
  install(host: Host, packages: readonly PackageRequest[]): Promise<void>;
  remove(host: Host, names: readonly string[], options: { readonly purge: boolean }): Promise<void>;
}
