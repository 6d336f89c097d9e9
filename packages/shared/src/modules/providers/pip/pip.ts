import type { Command, ExecOptions, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { isDirectory, mustProbe } from '../../operations/index.ts';
import { normalName } from './requirement.ts';

/** Which pip is meant, and how it is run. */
export interface PipOptions {
  /** A pip or python, or the directory of a virtualenv; the python3 of the host where absent. */
  readonly binEnv?: string | undefined;
  readonly user?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string | null>>;
}

/** Words that no question and no advice to upgrade pip itself needs. */
const QUIET = ['--disable-pip-version-check', '--no-input'];

/** The argv of pip; undefined where its virtualenv is not there. */
export async function pipCommand(host: HostReader, binEnv: string | undefined): Promise<Command | undefined> {
  if (binEnv === undefined) return ['python3', '-m', 'pip', ...QUIET];
  if (!binEnv.includes('/')) return [binEnv, ...QUIET];
  if (await isDirectory(host, binEnv)) {
    for (const program of ['python', 'python3', 'pip']) {
      const path = `${binEnv.replace(/\/+$/, '')}/bin/${program}`;
      if (await isThere(host, path)) return pythonOrPip(path);
    }
    return undefined;
  }
  return (await isThere(host, binEnv)) ? pythonOrPip(binEnv) : undefined;
}

/** Who runs pip, where. */
export function pipExec({ user, cwd, env }: PipOptions, signal: AbortSignal): ExecOptions {
  return {
    signal,
    timeoutMs: 1_800_000,
    env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { runAs: user }),
  };
}

/** The installed packages: name, written one way only → version. None where the virtualenv is not there. */
export async function pipPackages(
  host: HostReader,
  options: PipOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const pip = await pipCommand(host, options.binEnv);
  if (pip === undefined) return new Map();
  const { stdout } = await mustProbe(host, [...pip, 'list', '--format=json'], pipExec(options, signal), NO_PIP);
  return new Map(parsePipList(stdout).map(({ name, version }) => [normalName(name), version]));
}

/** What a hint says where pip could not be run. */
export const NO_PIP = 'pip has to be there for that python (python3-pip), or bin_env has to name a pip or virtualenv.';

/** Reads `pip list --format=json`. @throws EdgeError when it is no such list */
export function parsePipList(stdout: string): readonly PipPackage[] {
  try {
    // Older versions print warnings in front of it.
    const list = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as PipPackage[];
    return list.map(({ name, version, latest_version }) => ({ name, version, latest_version }));
  } catch (cause) {
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `pip list did not answer with JSON: ${stdout.slice(0, 300)}`,
      {},
      { cause },
    );
  }
}

/** A package as `pip list` tells of it. */
export interface PipPackage {
  readonly name: string;
  readonly version: string;
  /** With `--outdated`. */
  readonly latest_version?: string | undefined;
}

/** Reads what `pip install --dry-run` would install: names with versions, `foo-1.0`. */
export function parseWouldInstall(stdout: string): readonly string[] {
  return (/^Would install (.*)$/m.exec(stdout)?.[1] ?? '').split(/\s+/).filter((word) => word !== '');
}

function pythonOrPip(path: string): Command {
  return /\/python[\d.]*$/.test(path) ? [path, '-m', 'pip', ...QUIET] : [path, ...QUIET];
}

async function isThere(host: HostReader, path: string): Promise<boolean> {
  return (await host.stat(path)) !== undefined;
}
