/**
 * Installs what npm cannot bring: the programs of the example environment and, for the tests, a few more. Says what it
 * runs before it runs it, and leaves no system service running that was not.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * What is needed, how to see that it is there, and the packages that bring it.
 * `service`: the unit the package would start by itself.
 */
const NEEDS = [
  {
    name: 'nats-server',
    programs: ['nats-server'],
    apt: 'nats-server',
    apk: 'nats-server',
    brew: 'nats-server',
    service: 'nats-server',
  },
  {
    name: 'HAProxy',
    programs: ['haproxy'],
    apt: 'haproxy',
    dnf: 'haproxy',
    apk: 'haproxy',
    brew: 'haproxy',
    service: 'haproxy',
  },
  {
    name: 'PostgreSQL',
    programs: ['initdb', 'pg_dump'],
    apt: 'postgresql',
    dnf: 'postgresql-server postgresql',
    apk: 'postgresql',
    brew: 'postgresql',
    service: 'postgresql',
  },
  {
    name: 'supervisor',
    programs: ['supervisord', 'supervisorctl'],
    apt: 'supervisor',
    dnf: 'supervisor',
    apk: 'supervisor',
    brew: 'supervisor',
    service: 'supervisor',
  },
];

const TEST_NEEDS = [
  {
    name: 'OpenSSH server',
    programs: ['sshd'],
    apt: 'openssh-server',
    dnf: 'openssh-server',
    apk: 'openssh-server',
    service: 'ssh',
  },
  { name: 'rsync', programs: ['rsync'], apt: 'rsync', dnf: 'rsync', apk: 'rsync', brew: 'rsync', service: 'rsync' },
  {
    name: 'GnuPG',
    programs: ['gpg', 'gpgconf', 'gpg-agent'],
    apt: 'gnupg gpg-agent',
    dnf: 'gnupg2',
    apk: 'gnupg',
    brew: 'gnupg',
  },
  { name: 'age', programs: ['age', 'age-keygen'], apt: 'age', dnf: 'age', apk: 'age', brew: 'age' },
  { name: 'iptables', programs: ['iptables'], apt: 'iptables', dnf: 'iptables', apk: 'iptables' },
  { name: 'iproute2', programs: ['ip'], apt: 'iproute2', dnf: 'iproute', apk: 'iproute2' },
  { name: 'debootstrap', programs: ['debootstrap'], apt: 'debootstrap', dnf: 'debootstrap', apk: 'debootstrap' },
  { name: 'OpenSSL', programs: ['openssl'], apt: 'openssl', dnf: 'openssl', apk: 'openssl', brew: 'openssl' },
  {
    name: 'MariaDB',
    programs: ['mariadbd', 'mariadb-install-db', 'mariadb'],
    apt: 'mariadb-server-core mariadb-client-core',
    dnf: 'mariadb-server mariadb',
    apk: 'mariadb mariadb-client',
    brew: 'mariadb',
  },
  {
    name: 'htpasswd',
    programs: ['htpasswd'],
    apt: 'apache2-utils',
    dnf: 'httpd-tools',
    apk: 'apache2-utils',
    brew: 'httpd',
  },
  { name: 'busybox', programs: ['busybox'], apt: 'busybox', dnf: 'busybox', apk: 'busybox' },
];

const MANAGERS = [
  {
    key: 'apt',
    program: 'apt-get',
    refresh: ['apt-get', 'update', '-qq'],
    install: ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'],
  },
  { key: 'dnf', program: 'dnf', install: ['dnf', 'install', '-y', '-q'] },
  { key: 'apk', program: 'apk', install: ['apk', 'add', '--quiet'] },
  { key: 'brew', program: 'brew', install: ['brew', 'install', '--quiet'] },
];

/** Where system programs live that are not on everybody's PATH. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
const POLICY = '/usr/sbin/policy-rc.d';

/**
 * Makes sure that every need is met.
 *
 * @param {{ forTests: boolean, say: (line: string) => void }} options
 * @returns {string | undefined} what is missing and what to type, when it could not be installed
 */
export function installSystemPackages({ forTests, say }) {
  const needs = forTests ? [...NEEDS, ...TEST_NEEDS] : NEEDS;
  const missing = needs.filter((need) => !isMet(need));
  if (missing.length === 0) return undefined;
  const names = missing.map((need) => need.name).join(', ');
  const manager = MANAGERS.find(({ program }) => findProgram(program) !== undefined);
  if (manager === undefined)
    return `${names} not found, and no package manager that is known here. Install ${names} and run this again.`;
  const unknown = missing.filter((need) => need[manager.key] === undefined);
  if (unknown.length > 0)
    return `${manager.program} has no package for ${unknown.map((need) => need.name).join(', ')}. Install it and run this again.`;

  const packages = missing.flatMap((need) => need[manager.key].split(' '));
  const command = [...manager.install, ...packages];
  const elevate = manager.key === 'brew' ? [] : elevation();
  if (elevate === undefined) return `${names} missing. As root, type:  ${command.join(' ')}`;
  say(`${names} missing; installing with the system's package manager`);
  const failed = withoutServiceStarts(manager, elevate, missing, () => {
    if (manager.refresh) run([...elevate, ...manager.refresh], say);
    return run([...elevate, ...command], say) !== 0;
  });
  const still = needs.filter((need) => !isMet(need));
  if (failed || still.length > 0) {
    const lacking = (still.length > 0 ? still : missing).map((need) => need.name).join(', ');
    return `could not install ${lacking}. Type:  ${[...elevate, ...command].join(' ')}`;
  }
  return undefined;
}

/** The command that makes one root; empty when root already, undefined when there is none that asks no question. */
function elevation() {
  if (process.getuid?.() === 0) return [];
  if (findProgram('sudo') === undefined) return undefined;
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

/** Debian starts services when it installs them: forbid it meanwhile, and stop what came up all the same. */
function withoutServiceStarts(manager, elevate, needs, install) {
  const guard = manager.key === 'apt' && elevate.length === 0 && !existsSync(POLICY);
  const before = new Set(needs.filter(isActive));
  if (guard) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    if (guard) rmSync(POLICY, { force: true });
    for (const need of needs) {
      if (!before.has(need) && isActive(need))
        spawnSync(elevate[0] ?? 'systemctl', [
          ...elevate.slice(1),
          ...(elevate.length > 0 ? ['systemctl'] : []),
          'disable',
          '--now',
          need.service,
        ]);
    }
  }
}

function isActive(need) {
  if (need.service === undefined || !existsSync('/run/systemd/system')) return false;
  return spawnSync('systemctl', ['is-active', '--quiet', need.service]).status === 0;
}

function run(command, say) {
  say(`running: ${command.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2], env }).status;
}

function isMet(need) {
  return need.programs.every((program) => findProgram(program) !== undefined);
}

/** The path of a program on PATH or in the folders of system programs. */
function findProgram(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS, ...postgresFolders()];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** Debian keeps the server programs of PostgreSQL off PATH, in one folder per major version. */
function postgresFolders() {
  const base = '/usr/lib/postgresql';
  return existsSync(base) ? readdirSync(base).map((version) => join(base, version, 'bin')) : [];
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
