import type { Command, ExecOptions, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';

/** How npm is run. */
export interface NpmOptions {
  readonly dir?: string | undefined;
  readonly runas?: string | undefined;
  readonly registry?: string | undefined;
  readonly env: Readonly<Record<string, string | null>>;
}

/** The argv of an npm command; without a directory the packages are those of the whole host. */
export function npmCommand(sub: readonly string[], { dir, registry }: NpmOptions): Command {
  return [
    'npm',
    ...sub,
    ...(dir === undefined ? ['--global'] : []),
    ...(registry === undefined ? [] : [`--registry=${registry}`]),
  ];
}

/** Where and as whom npm runs. */
export function npmExec({ dir, runas, env }: NpmOptions, signal: AbortSignal): ExecOptions {
  return {
    signal,
    timeoutMs: 1_800_000,
    env,
    ...(dir === undefined ? {} : { cwd: dir }),
    ...(runas === undefined ? {} : { runAs: runas }),
  };
}

/** Packages npm lists at the top level: name → version. */
export async function npmPackages(
  host: HostReader,
  options: NpmOptions,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const { stdout, stderr } = await host.probe(
    npmCommand(['list', '--json', '--depth=0', '--silent'], options),
    npmExec(options, signal),
  );
  return parseNpmList(stdout, stderr);
}

/** Reads `npm list --json`; it ends with 1 although it lists, when a dependency is missing. @throws EdgeError */
function parseNpmList(stdout: string, stderr: string): Map<string, string> {
  try {
    const { dependencies = {} } = JSON.parse(stdout) as { dependencies?: Record<string, { version?: string }> };
    return new Map(
      Object.entries(dependencies).flatMap(([name, { version }]) => (version === undefined ? [] : [[name, version]])),
    );
  } catch (cause) {
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `npm list did not answer with JSON: ${(stderr || stdout).slice(0, 500)}`,
      {},
      { cause },
    );
  }
}

/** `@scope/name@version` apart; a spec that is an address has no version. */
export function splitSpec(spec: string): { name: string; version: string | undefined } {
  const at = spec.indexOf('@', 1);
  return at === -1 || spec.includes('://')
    ? { name: spec, version: undefined }
    : { name: spec.slice(0, at), version: spec.slice(at + 1) };
}
