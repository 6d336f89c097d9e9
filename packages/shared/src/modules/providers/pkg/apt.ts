import type { ExecOptions } from '../../../host/index.ts';
import { mustProbe, mustRun } from '../../operations/index.ts';
import type { PackageProvider } from './provider.ts';

/** Nobody is there to answer questions; a lock is waited for. */
const UNATTENDED: ExecOptions = { env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }, timeoutMs: 3_600_000 };
const OPTIONS = [
  '-q',
  '-y',
  '-o',
  'DPkg::Lock::Timeout=300',
  '-o',
  'DPkg::Options::=--force-confold',
  '-o',
  'DPkg::Options::=--force-confdef',
];

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

/** Packages of Debian and its kin. */
export const aptProvider: PackageProvider = {
  kind: 'apt',
  async list(host) {
    const { stdout } = await mustProbe(host, [
      'dpkg-query',
      '-W',
      '-f',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the fields of dpkg-query are written so
      '${db:Status-Abbrev}\\t${Package}\\t${Version}\\n',
    ]);
    return parseDpkg(stdout);
  },
  async candidate(host, name) {
    return parseCandidate(
      (await mustProbe(host, ['apt-cache', 'policy', '--', name], { env: { LC_ALL: 'C.UTF-8' } })).stdout,
    );
  },
  async refresh(host) {
    await mustRun(host, ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300', 'update'], UNATTENDED);
  },
  async install(host, packages, { from, skipVerify, recommended, onlyUpgrade } = {}) {
    const options = [
      ...(from === undefined ? [] : ['-t', from]),
      ...(skipVerify === true ? ['--allow-unauthenticated'] : []),
      ...(recommended === undefined ? [] : [recommended ? '--install-recommends' : '--no-install-recommends']),
      ...(onlyUpgrade === true ? ['--only-upgrade'] : []),
    ];
    const names = packages.map(({ name, version }) => (version === undefined ? name : `${name}=${version}`));
    await mustRun(
      host,
      ['apt-get', ...OPTIONS, ...options, '--allow-downgrades', 'install', '--', ...names],
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
    await mustRun(host, ['apt-get', ...OPTIONS, purge ? 'purge' : 'remove', '--', ...names], UNATTENDED);
  },
};
