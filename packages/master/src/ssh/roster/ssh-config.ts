import { type Compiled, compiled, type Diagnostic } from '@edge-run/shared/kernel';
import SSHConfig, { type Section } from 'ssh-config';
import { type SshTarget, sshTarget } from '../target.ts';

/** Where an ssh_config comes from. */
export interface SshConfigOptions {
  /** The name diagnostics give the file. */
  readonly file: string;
  /** Login user where the file names none. */
  readonly user: string;
  /** What `~` stands for. */
  readonly home: string;
}

/** Words in the file that would change what is read, and that nobody follows here. */
const NOT_FOLLOWED: Readonly<Record<string, string>> = {
  include: 'Put the included lines into the file itself.',
  match: 'Only `Host` blocks are read: write the settings there.',
  proxycommand: 'Use ProxyJump.',
};

/** One target for each name in a `Host` line that is no pattern, with what ssh would use for it. */
export function parseSshConfig(text: string, { file, user, home }: SshConfigOptions): Compiled<readonly SshTarget[]> {
  const config = SSHConfig.parse(text);
  const ids = new Set<string>();
  for (const line of config) {
    if (!('param' in line) || line.param.toLowerCase() !== 'host') continue;
    for (const name of wordsOf((line as Section).value)) if (!/[*?!]/.test(name)) ids.add(name);
  }
  const targets = [...ids].map((id) => toTarget(id, config.compute(id, { ignoreCase: true }), user, home));
  return compiled<readonly SshTarget[]>(targets, notFollowed(text, file));
}

function toTarget(id: string, computed: Record<string, string | string[]>, user: string, home: string): SshTarget {
  const one = (name: string): string | undefined => wordsOf(computed[name])[0];
  const port = Number(one('port') ?? 22);
  const login = one('user') ?? user;
  const host = (one('hostname') ?? id).replaceAll('%h', id);
  const jump = one('proxyjump');
  const seconds = Number(one('connecttimeout'));
  const expand = (path: string): string =>
    path
      .replace(/^~(?=\/|$)/, home)
      .replaceAll('%d', home)
      .replaceAll('%h', host)
      .replaceAll('%r', login);
  return sshTarget({
    id,
    host,
    port,
    user: login,
    keyFiles: listOf(computed.identityfile).map(expand),
    proxyJump: jump === undefined || jump.toLowerCase() === 'none' ? [] : jump.split(',').map((part) => part.trim()),
    ...(Number.isFinite(seconds) && seconds > 0 ? { connectTimeoutMs: seconds * 1_000 } : {}),
  });
}

type Raw = string | readonly (string | { val: string })[] | undefined;

function wordsOf(value: Raw): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return value.split(/\s+/).filter((word) => word !== '');
  return value.map((word) => (typeof word === 'string' ? word : word.val));
}

/** IdentityFile may be given more than once; each value is one path. */
function listOf(value: Raw): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : wordsOf(value);
}

function notFollowed(text: string, file: string): readonly Diagnostic[] {
  return text.split('\n').flatMap((line, index) => {
    const word = /^\s*([A-Za-z]+)/.exec(line)?.[1];
    const detail = word === undefined ? undefined : NOT_FOLLOWED[word.toLowerCase()];
    if (word === undefined || detail === undefined) return [];
    return [
      {
        severity: 'warning' as const,
        code: 'EDGE_CONFIG_INVALID' as const,
        summary: `\`${word}\` is not followed`,
        detail,
        source: { file, line: index + 1, text: line },
      },
    ];
  });
}
