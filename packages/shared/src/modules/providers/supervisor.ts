import type { ExecResult, Host, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { isDirectory, stripOutput } from '../operations/index.ts';

/** How supervisorctl is found and run. */
export interface SupervisorOptions {
  readonly user?: string | undefined;
  readonly conf_file?: string | undefined;
  readonly bin_env?: string | undefined;
}

/** A program as `supervisorctl status` tells it. */
export interface ProgramStatus {
  readonly state: string;
  readonly reason: string;
}

/** Reads `supervisorctl status`: program name → state and reason. */
export function parseSupervisorStatus(output: string): Record<string, ProgramStatus> {
  const lines = output.split('\n').map((line) => /^(\S+)\s+([A-Z]+)(?:\s+(.*))?$/.exec(line.trim()));
  return Object.fromEntries(
    lines.flatMap((match) =>
      match === null ? [] : [[match[1]!, { state: match[2]!, reason: (match[3] ?? '').trim() }]],
    ),
  );
}

/** Looks through supervisorctl. */
export async function askSupervisor(
  host: HostReader,
  args: readonly string[],
  options: SupervisorOptions,
): Promise<ExecResult> {
  return answered(host, args, await host.probe(await command(host, args, options), execOptions(options)));
}

/** Acts through supervisorctl. @throws EdgeError when the daemon cannot be reached */
export async function tellSupervisor(
  host: Host,
  args: readonly string[],
  options: SupervisorOptions,
): Promise<ExecResult> {
  return answered(host, args, await host.exec(await command(host, args, options), execOptions(options)));
}

/** Every program with its state. */
export async function programs(host: HostReader, options: SupervisorOptions): Promise<Record<string, ProgramStatus>> {
  return parseSupervisorStatus((await askSupervisor(host, ['status'], options)).stdout);
}

/** What supervisorctl printed, one text. */
export function said(result: ExecResult): string {
  return stripOutput([result.stdout, result.stderr].filter((text) => text !== '').join('\n'));
}

async function command(
  host: HostReader,
  args: readonly string[],
  { conf_file, bin_env }: SupervisorOptions,
): Promise<[string, ...string[]]> {
  const program =
    bin_env === undefined
      ? 'supervisorctl'
      : (await isDirectory(host, bin_env))
        ? `${bin_env.replace(/\/$/, '')}/bin/supervisorctl`
        : bin_env;
  return [program, ...(conf_file === undefined ? [] : ['-c', conf_file]), ...args];
}

function execOptions({ user }: SupervisorOptions) {
  return user === undefined ? {} : { runAs: user };
}

function answered(host: HostReader, args: readonly string[], result: ExecResult): ExecResult {
  if (
    /refused connection|no such file|SHUTDOWN_STATE|Error: Another program|could not find config|\.ini file does not include/i.test(
      `${result.stdout}${result.stderr}`,
    )
  )
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `supervisorctl ${args.join(' ')} on ${host.id}: ${said(result)}`,
      { exitCode: result.exitCode },
      {
        hint: 'Check that supervisord runs and that conf_file is its configuration.',
      },
    );
  return result;
}
