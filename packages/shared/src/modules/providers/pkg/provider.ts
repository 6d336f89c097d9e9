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
  /** Install again what is there. */
  readonly reinstall?: boolean | undefined;
  /** Take the new configuration files where somebody changed the present ones. */
  readonly newConfiguration?: boolean | undefined;
  /** Also change packages that are kept as they are; they stay kept. */
  readonly changeHeld?: boolean | undefined;
}

/** How far an upgrade goes. */
export interface UpgradeOptions {
  /** Also install and remove other packages for it. */
  readonly isFull: boolean;
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
  /** Packages of which the lists have newer versions: name → version. */
  upgrades(host: HostReader, options: UpgradeOptions): Promise<ReadonlyMap<string, string>>;
  upgrade(host: Host, options: UpgradeOptions & InstallOptions): Promise<void>;
  /** The version of a package file: one of the host, or its content. */
  fileVersion(host: HostReader, file: { readonly path: string } | { readonly content: Uint8Array }): Promise<string>;
  /** Installs packages; a name with a slash is a package file of the host. */
  install(host: Host, packages: readonly PackageRequest[], options?: InstallOptions): Promise<void>;
  /** Whether a version is earlier, the same, or later, by the rules of the packages. */
  compare(host: HostReader, version: string, relation: VersionRelation, other: string): Promise<boolean>;
  /** Packages that were removed and left configuration behind. */
  remnants(host: HostReader): Promise<ReadonlySet<string>>;
  /** Packages that are kept as they are. */
  held(host: HostReader): Promise<ReadonlySet<string>>;
  /** Keeps packages as they are, or lets them be changed again. */
  setHeld(host: Host, names: readonly string[], held: boolean): Promise<void>;
  remove(host: Host, names: readonly string[], options: { readonly purge: boolean }): Promise<void>;
}
