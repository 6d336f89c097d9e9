import type { ExecOptions } from '../../../host/index.ts';
import { mustProbe, mustRun } from '../../operations/index.ts';
import type { InstallOptions, PackageProvider } from './provider.ts';

/** Nobody is there to answer questions; a lock is waited for. */
const UNATTENDED: ExecOptions = { env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }, timeoutMs: 3_600_000 };
const LOCK = ['-o', 'DPkg::Lock::Timeout=300'];
const QUERY = [
  'dpkg-query',
  '-W',
  '-f',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the fields of dpkg-query are written so
  '${db:Status-Abbrev}\\t${Package}\\t${Version}\\n',
] as const;

function options(newConfiguration = false): readonly string[] {
  const kept = newConfiguration ? 'confnew' : 'confold';
  return ['-q', '-y', ...LOCK, '-o', `DPkg::Options::=--force-${kept}`, '-o', 'DPkg::Options::=--force-confdef'];
}

/** Reads `dpkg-query` lines of status, package and version; packages that are only half there do not count. */
export function parseDpkg(output: string): Map<string, string> {
  const lines = output.split('\n').map((line) => line.split('\t'));
  return new Map(
    lines.flatMap(([status, name, version]) =>
      status?.startsWith('ii') === true || status?.startsWith('hi') === true ? [[name!, version!] as const] : [],
    ),
  );
}

/** Reads the candidate of `apt-cache policy`. */
export function parseCandidate(output: string): string | undefined {
  const version = /^ {2}Candidate: (\S+)$/m.exec(output)?.[1];
  return version === '(none)' ? undefined : version;
}

/** Reads what `apt-get --just-print` would install: name → version. */
export function parseUpgrades(output: string): Map<string, string> {
  return new Map(
    [...output.matchAll(/^Inst (\S+) \[[^\]]*\] \((\S+)/gm)].map(([, name, version]) => [name!, version!]),
  );
}

/** Packages of Debian and its kin. */
export const aptProvider: PackageProvider = {
  kind: 'apt',
  async list(host) {
    return parseDpkg((await mustProbe(host, QUERY)).stdout);
  },
  async remnants(host) {
    const lines = (await mustProbe(host, QUERY)).stdout.split('\n').map((line) => line.split('\t'));
    return new Set(lines.flatMap(([status, name]) => (status?.startsWith('rc') === true ? [name!] : [])));
  },
  async upgrades(host, { isFull }) {
    const command = ['apt-get', '-q', '--just-print', isFull ? 'dist-upgrade' : 'upgrade'] as const;
    return parseUpgrades((await mustProbe(host, command, { env: { LC_ALL: 'C.UTF-8' } })).stdout);
  },
  async upgrade(host, { isFull, ...given }) {
    await mustRun(
      host,
      ['apt-get', ...options(given.newConfiguration), ...switches(given), isFull ? 'dist-upgrade' : 'upgrade'],
      UNATTENDED,
    );
  },
  async fileVersion(host, file) {
    const [path, stdin] = 'path' in file ? [file.path, undefined] : ['-', file.content];
    const { stdout } = await mustProbe(
      host,
      ['dpkg-deb', '--field', path, 'Version'],
      stdin === undefined ? {} : { stdin },
      'It has to be a package file of Debian (.deb).',
    );
    return stdout.trim();
  },
  async candidate(host, name) {
    return parseCandidate(
      (await mustProbe(host, ['apt-cache', 'policy', '--', name], { env: { LC_ALL: 'C.UTF-8' } })).stdout,
    );
  },
  async refresh(host) {
    await mustRun(host, ['apt-get', '-q', ...LOCK, 'update'], UNATTENDED);
  },
  async install(host, packages, given = {}) {
    const names = packages.map(({ name, version }) => (version === undefined ? name : `${name}=${version}`));
    const words = [
      ...options(given.newConfiguration),
      ...switches(given),
      '--allow-downgrades',
      'install',
      '--',
      ...names,
    ];
    await mustRun(
      host,
      ['apt-get', ...words],
      UNATTENDED,
      'Refresh the lists first (refresh: True) when a package is not found.',
    );
  },
  async compare(host, version, relation, other) {
    return (await host.probe(['dpkg', '--compare-versions', version, relation, other])).exitCode === 0;
  },
  async held(host) {
    const { stdout } = await mustProbe(host, ['apt-mark', 'showhold']);
    return new Set(stdout.split('\n').filter((name) => name !== ''));
  },
  async setHeld(host, names, held) {
    await mustRun(host, ['apt-mark', held ? 'hold' : 'unhold', '--', ...names], UNATTENDED);
  },
  async remove(host, names, { purge }) {
    await mustRun(host, ['apt-get', ...options(), purge ? 'purge' : 'remove', '--', ...names], UNATTENDED);
  },
};

function switches({
  from,
  skipVerify,
  recommended,
  onlyUpgrade,
  reinstall,
  changeHeld,
}: InstallOptions): readonly string[] {
  return [
    ...(from === undefined ? [] : ['-t', from]),
    ...(skipVerify === true ? ['--allow-unauthenticated'] : []),
    ...(recommended === undefined ? [] : [recommended ? '--install-recommends' : '--no-install-recommends']),
    ...(onlyUpgrade === true ? ['--only-upgrade'] : []),
    ...(reinstall === true ? ['--reinstall'] : []),
    ...(changeHeld === true ? ['--allow-change-held-packages'] : []),
  ];
}
