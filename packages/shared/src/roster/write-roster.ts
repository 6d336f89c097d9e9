import type { JsonObject, JsonValue } from '../kernel/index.ts';
import { dumpYaml } from '../render/index.ts';
import { fromPlain } from '../values/index.ts';
import { addressOf, type SshTarget } from './host.ts';

/** Hosts as a roster file says them. Secrets are left out: what stands there instead is a place to read them from. */
export function writeRoster(targets: readonly SshTarget[]): string {
  const entries = targets.map((target) => [target.id, entryOf(target)] as const);
  return dumpYaml(fromPlain(Object.fromEntries(entries)), { sortKeys: false });
}

function entryOf(target: SshTarget): JsonObject {
  const { id, host, port, user, keyFiles, certificateFiles, sudo, sudoUser, proxyJump, grains, minionOpts } = target;
  const variable = (what: string): JsonObject => ({ env: `EDGE_${id.replace(/\W/g, '_').toUpperCase()}_${what}` });
  const given: Record<string, JsonValue | undefined> = {
    host,
    port: port === 22 ? undefined : port,
    user,
    priv: oneOrMore(keyFiles),
    priv_passwd: target.passphrase === undefined ? undefined : variable('PASSPHRASE'),
    certificate: oneOrMore(certificateFiles),
    identities_only: target.identitiesOnly ? true : undefined,
    passwd: target.password === undefined ? undefined : variable('PASSWORD'),
    sudo: sudo ? true : undefined,
    sudo_user: sudoUser === 'root' ? undefined : sudoUser,
    escalate_by: target.escalateBy === 'sudo' ? undefined : target.escalateBy,
    sudo_passwd: target.sudoPassword === undefined ? undefined : variable('SUDO_PASSWORD'),
    set_path: target.path,
    cmd_umask: target.umask === undefined ? undefined : `0${target.umask.toString(8)}`,
    tty: target.tty ? true : undefined,
    timeout: target.connectTimeoutMs === 30_000 ? undefined : target.connectTimeoutMs / 1_000,
    proxy_jump: proxyJump.length === 0 ? undefined : proxyJump.map(jumpText),
    host_key_alias: target.hostKeyAlias,
    known_hosts: oneOrMore(target.knownHostsFiles ?? []),
    host_keys: target.hostKeyMode,
    grains: Object.keys(grains).length === 0 ? undefined : grains,
    minion_opts: Object.keys(minionOpts).length === 0 ? undefined : minionOpts,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as JsonObject;
}

/** `user@host:port`: keys of a jump host that is no host of the roster are those of its target. */
function jumpText(jump: string | SshTarget): string {
  return typeof jump === 'string' ? jump : `${jump.user}@${addressOf(jump)}`;
}

function oneOrMore(files: readonly string[]): JsonValue | undefined {
  return files.length === 0 ? undefined : files.length === 1 ? files[0]! : [...files];
}
