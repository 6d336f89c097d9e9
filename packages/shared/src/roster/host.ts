import type { JsonObject, Secret } from '../kernel/index.ts';

/** What kind of roster a host comes from. */
export type RosterKind = 'file' | 'ssh_config' | 'ansible' | 'cloud' | 'cache';

/** A host to reach over SSH and how to get in. */
export interface SshTarget {
  /** The id the host has in Edge. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key files, tried in order. One that is named must be usable. */
  readonly keyFiles: readonly string[];
  /** OpenSSH certificates of those keys; `<key>-cert.pub` beside a key is found by itself. */
  readonly certificateFiles: readonly string[];
  /** Opens encrypted key files. */
  readonly passphrase?: Secret;
  /** True: of the agent only keys that are named here are offered. */
  readonly identitiesOnly: boolean;
  /** Socket of the agent; that of the fleet when absent, none at all where it is `none`. */
  readonly agentSocket?: string;
  /** For password and keyboard-interactive logins, and for sudo where it asks. */
  readonly password?: Secret;
  /** For `sudo` and its like, where it differs. */
  readonly sudoPassword?: Secret;
  /** Run everything as `sudoUser` instead of the login user. */
  readonly sudo: boolean;
  readonly sudoUser: string;
  /** The program that lets a login user who is not root become somebody else. */
  readonly escalateBy: 'sudo' | 'su' | 'doas';
  /** PATH of commands; `$PATH` in it is the one they have otherwise. */
  readonly path?: string;
  /** Of commands; 022 where absent. */
  readonly umask?: number;
  /** Everything runs with a controlling terminal. */
  readonly tty: boolean;
  /** Hosts to go through, nearest first: ids of the roster or `[user@]host[:port]`, or such a host in full. */
  readonly proxyJump: readonly (string | SshTarget)[];
  /** The name its key is known under, where that is not `host`. */
  readonly hostKeyAlias?: string;
  /** known_hosts files of this host alone, instead of those of the fleet. */
  readonly knownHostsFiles?: readonly string[];
  /** What to do about an unknown key of this host, where that is not as for the fleet. */
  readonly hostKeyMode?: 'strict' | 'accept-new';
  /** Until the connection is ready, retries included. */
  readonly connectTimeoutMs: number;
  /** Facts the roster states about the host. */
  readonly grains: JsonObject;
  readonly minionOpts: JsonObject;
  /** Where the host was read; absent for one nobody wrote down. */
  readonly origin?: {
    readonly roster: RosterKind;
    /** `file:line`, or the source. */
    readonly place: string;
  };
}

/** Fills in what a roster leaves out: port 22, root, no sudo, 30 s. */
export function sshTarget(given: Pick<SshTarget, 'id'> & Partial<SshTarget>): SshTarget {
  return {
    host: given.id,
    port: 22,
    user: 'root',
    keyFiles: [],
    certificateFiles: [],
    identitiesOnly: false,
    sudo: false,
    sudoUser: 'root',
    escalateBy: 'sudo',
    tty: false,
    proxyJump: [],
    connectTimeoutMs: 30_000,
    grains: {},
    minionOpts: {},
    ...given,
  };
}

/** `host` or `host:port`, as errors name it. */
export function addressOf({ host, port }: Pick<SshTarget, 'host' | 'port'>): string {
  return port === 22 ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What rosters read files with. */
export interface RosterFiles {
  /** Undefined: there is no such file, or none that may be read. */
  read(path: string): string | undefined;
  /** Names in a folder, sorted; undefined: there is no such folder. */
  list(path: string): readonly string[] | undefined;
  /** The value of an environment variable. */
  variable(name: string): string | undefined;
}
