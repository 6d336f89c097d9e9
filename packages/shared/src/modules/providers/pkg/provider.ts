import type { Host, HostReader } from '../../../host/index.ts';

/** A package to install, with a version where one is asked for. */
export interface PackageRequest {
  readonly name: string;
  readonly version?: string | undefined;
}

/** How packages are to be installed, where it is not the usual way. */
export interface InstallOptions {
  /** Release or repository they are to come from. */
  readonly from?: string | undefined;
  /** Take packages that nobody has signed. */
  readonly skipVerify?: boolean | undefined;
  /** Also what the packages recommend; the configuration of the host decides where absent. */
  readonly recommended?: boolean | undefined;
  /** Leave packages alone that are not installed. */
  readonly onlyUpgrade?: boolean | undefined;
}

/** How versions are compared. */
export type VersionRelation = 'lt' | 'le' | 'eq' | 'ge' | 'gt';

/** One way packages are kept on hosts. */
export interface PackageProvider {
  readonly kind: string;
  /** Installed packages: name → version. */
  list(host: HostReader): Promise<ReadonlyMap<string, string>>;
  /** Version that would be installed; undefined: nothing of that name can be. */
  candidate(host: HostReader, name: string): Promise<string | undefined>;
  refresh(host: Host): Promise<void>;
  install(host: Host, packages: readonly PackageRequest[], options?: InstallOptions): Promise<void>;
  /** Whether a version is earlier, the same, or later, by the rules of the packages. */
  compare(host: HostReader, version: string, relation: VersionRelation, other: string): Promise<boolean>;
  /** Packages that are kept as they are. */
  held(host: HostReader): Promise<ReadonlySet<string>>;
  /** Keeps packages as they are, or lets them be changed again. */
  setHeld(host: Host, names: readonly string[], held: boolean): Promise<void>;
  remove(host: Host, names: readonly string[], options: { readonly purge: boolean }): Promise<void>;
}
