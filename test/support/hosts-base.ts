import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Debian packages every host has beside the minimal system. */
export const BASE_PACKAGES = ['cron', 'iproute2', 'openssh-server', 'runit', 'sudo'] as const;

const SUITE = 'bookworm';
const MIRROR = 'http://deb.debian.org/debian';
/** A minute with a quick mirror. */
const BUILT_WITHIN_MS = 480_000;

/** Why hosts of our own cannot be had here; undefined: they can. */
export function noHostsReason(packages: readonly string[] = BASE_PACKAGES): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for namespaces';
  if (!answers(['unshare', '-n', '-m', '-p', '-f', '-u', '-i', 'true'])) return 'namespaces are refused here';
  for (const [program, source] of [
    ['ip', 'iproute2'],
    ['setpriv', 'util-linux'],
  ] as const) {
    if (!answers([program, '-V'])) return `no ${program}: apt-get install ${source}`;
  }
  if (existsSync(baseDirectory(packages))) return undefined;
  if (!answers(['debootstrap', '--version'])) return 'no cached base and no debootstrap: apt-get install debootstrap';
  const index = `${MIRROR}/dists/${SUITE}/InRelease`;
  return answers(['wget', '-q', '--spider', '--tries=1', '--timeout=8', index])
    ? undefined
    : `no cached base, and ${MIRROR} does not answer`;
}

/**
 * The directory of a minimal Debian with these packages, built at the first call and kept outside the repository
 * (`EDGE_TEST_CACHE`, or /var/cache/edge-test). Nobody writes to it: hosts lay their own files over it.
 *
 * @throws Error with what debootstrap said when it fails or takes longer than eight minutes
 */
export async function findBase(packages: readonly string[] = BASE_PACKAGES): Promise<string> {
  const base = baseDirectory(packages);
  if (existsSync(base)) return base;
  const building = `${base}.${process.pid}`;
  await mkdir(join(base, '..'), { recursive: true });
  try {
    const args = ['--variant=minbase', `--include=${packages.join(',')}`, SUITE, building, MIRROR];
    await promisify(execFile)('debootstrap', args, { timeout: BUILT_WITHIN_MS, maxBuffer: 16 * 1024 * 1024 });
    const archives = join(building, 'var/cache/apt/archives');
    for (const file of await readdir(archives)) {
      if (file.endsWith('.deb')) await rm(join(archives, file));
    }
    // Another process may have been quicker; its base is as good.
    if (!existsSync(base)) await rename(building, base);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return base;
}

/** What a loop mount needs: the kernel hands out devices of these. */
export const LOOP_DEVICES: readonly string[] = [
  '/dev/loop-control',
  ...Array.from({ length: 8 }, (_, n) => `/dev/loop${n}`),
];

/** Why loop devices cannot be had here; undefined: they can. */
export function noLoopReason(): string | undefined {
  const missing = LOOP_DEVICES.find((device) => !existsSync(device));
  if (missing !== undefined) return `no ${missing}`;
  const free = spawnSync('losetup', ['-f'], { encoding: 'utf8', timeout: 20_000 });
  if (free.status !== 0) return 'losetup -f finds no free device';
  return LOOP_DEVICES.includes(free.stdout.trim()) ? undefined : `${LOOP_DEVICES.length - 1} loop devices are in use`;
}

function answers([program, ...args]: readonly string[]): boolean {
  return spawnSync(program!, args, { timeout: 20_000, stdio: 'ignore' }).status === 0;
}

function baseDirectory(packages: readonly string[]): string {
  const key = createHash('sha256')
    .update(JSON.stringify([SUITE, ...[...packages].sort()]))
    .digest('hex')
    .slice(0, 16);
  return join(process.env.EDGE_TEST_CACHE ?? '/var/cache/edge-test', `debian-${key}`);
}
