/** What SELinux does with what it does not allow. */
export type Mode = 'Enforcing' | 'Permissive' | 'Disabled';

/** The mode that people mean: `enforcing`, `1` and `on` are Enforcing. Undefined: none (Salt 3006 states/selinux.py). */
export function readMode(text: string): Mode | undefined {
  const mode = text.trim().toLowerCase();
  if (mode.startsWith('e') || mode === '1' || mode === 'on') return 'Enforcing';
  if (mode.startsWith('p') || mode === '0' || mode === 'off') return 'Permissive';
  return mode.startsWith('d') ? 'Disabled' : undefined;
}

/** The mode that `/etc/selinux/config` has for the next start; undefined where it has none. */
export function configuredMode(text: string): Mode | undefined {
  const value = /^\s*SELINUX\s*=\s*(\w+)/m.exec(text)?.[1];
  return value === undefined ? undefined : readMode(value);
}

/** The text of `/etc/selinux/config` with another mode. */
export function configureMode(text: string, mode: Mode): string {
  if (configuredMode(text) === mode) return text;
  const line = `SELINUX=${mode.toLowerCase()}`;
  if (configuredMode(text) !== undefined) return text.replace(/^\s*SELINUX\s*=.*$/m, line);
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

/** A switch of the policy. */
export interface PolicyBoolean {
  readonly state: 'on' | 'off';
  /** What it is after the next start. */
  readonly default: 'on' | 'off';
  readonly description: string;
}

/** Reads `semanage boolean -l`: `httpd_can_network_connect  (off  ,  on)  Allow httpd to …`. */
export function parseBooleans(text: string): ReadonlyMap<string, PolicyBoolean> {
  const lines = text.matchAll(/^(\S+)\s+\((on|off)\s*,\s*(on|off)\)\s*(.*)$/gm);
  return new Map(
    [...lines].map(([, name, state, kept, description]) => [
      name!,
      { state: state as 'on' | 'off', default: kept as 'on' | 'off', description: description!.trim() },
    ]),
  );
}

/** Kinds of files, by the letters that semanage takes, as it lists them. */
export const FILE_TYPES: ReadonlyMap<string, string> = new Map([
  ['a', 'all files'],
  ['f', 'regular file'],
  ['d', 'directory'],
  ['c', 'character device'],
  ['b', 'block device'],
  ['s', 'socket'],
  ['l', 'symbolic link'],
  ['p', 'named pipe'],
]);

/** A rule on the context of files. */
export interface FileContext {
  /** An expression for paths. */
  readonly spec: string;
  /** As semanage lists it: `all files`. */
  readonly filetype: string;
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

/** Reads `semanage fcontext -l`: `/srv/www(/.*)?  all files  system_u:object_r:httpd_sys_content_t:s0`. */
export function parseFileContexts(text: string): readonly FileContext[] {
  const types = [...FILE_TYPES.values()].join('|');
  const line = new RegExp(`^(\\S.*?)\\s+(${types})\\s+([^:\\s]+):([^:\\s]+):([^:\\s]+):(\\S+)\\s*$`, 'gm');
  return [...text.matchAll(line)].map(([, spec, filetype, user, role, type, level]) => ({
    ...{ spec: spec!, filetype: filetype!, user: user!, role: role!, type: type!, level: level! },
  }));
}

/** A rule on who may use a port. */
export interface PortPolicy {
  readonly type: string;
  readonly protocol: string;
  readonly ports: readonly string[];
}

/** Reads `semanage port -l`: `http_port_t  tcp  80, 81, 8000-8010`. */
export function parsePorts(text: string): readonly PortPolicy[] {
  const lines = text.matchAll(/^(\S+)\s+(tcp|udp|dccp|sctp)\s+(\d[\d,\s-]*?)\s*$/gm);
  return [...lines].map(([, type, protocol, ports]) => ({
    ...{ type: type!, protocol: protocol!, ports: ports!.split(',').map((port) => port.trim()) },
  }));
}

/** A path whose context is another than the policy says. */
export interface WrongContext {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** Reads `restorecon -nv`, which has had two ways of saying it. */
export function parseRelabels(text: string): readonly WrongContext[] {
  const now = text.matchAll(/^Would relabel (.+) from (\S+) to (\S+)$/gm);
  const before = text.matchAll(/^restorecon reset (.+) context (\S+?)->(\S+)$/gm);
  return [...now, ...before].map(([, path, from, to]) => ({ path: path!, from: from!, to: to! }));
}

/** Reads `semodule --list=full`: `100 zabbix pp disabled`. name → whether it is enabled, of the highest priority. */
export function parseModules(text: string): ReadonlyMap<string, boolean> {
  const found = new Map<string, { priority: number; isEnabled: boolean }>();
  for (const [, priority, name, rest] of text.matchAll(/^(\d+)\s+(\S+)\s*(.*)$/gm)) {
    const other = found.get(name!);
    if (other === undefined || other.priority < Number(priority))
      found.set(name!, { priority: Number(priority), isEnabled: !/\bdisabled\b/.test(rest!) });
  }
  return new Map([...found].map(([name, { isEnabled }]) => [name, isEnabled]));
}
