import type { JsonObject, Secret } from '@edge-run/shared/kernel';

/** A host to reach over SSH and how to get in. */
export interface SshTarget {
  /** The id the host has in Edge. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key files, tried in order. One that is named must be usable. */
  readonly keyFiles: readonly string[];
  /** Opens encrypted key files. */
  readonly passphrase?: Secret;
  /** For password and keyboard-interactive logins, and for sudo where it asks. */
  readonly password?: Secret;
  /** For `sudo` and its like, where it differs. */
  readonly sudoPassword?: Secret;
  /** Run everything as `sudoUser` instead of the login user. */
  readonly sudo: boolean;
  readonly sudoUser: string;
  /** The program that lets a login user who is not root become somebody else. */
  readonly escalateBy: 'sudo' | 'su' | 'doas';
  /** Hosts to go through, nearest first: ids of the roster or `[user@]host[:port]`. */
  readonly proxyJump: readonly string[];
  /** Until the connection is ready, retries included. */
  readonly connectTimeoutMs: number;
  /** Facts the roster states about the host. */
  readonly grains: JsonObject;
  readonly minionOpts: JsonObject;
}

/** Fills in what a roster leaves out: port 22, root, no sudo, 30 s. */
export function sshTarget(given: Pick<SshTarget, 'id'> & Partial<SshTarget>): SshTarget {
  return {
    host: given.id,
    port: 22,
    user: 'root',
    keyFiles: [],
    sudo: false,
    sudoUser: 'root',
    escalateBy: 'sudo',
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
