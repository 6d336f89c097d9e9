import type { Command, ExecOptions, ExecResult, Host, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';

/** Runs a command of Edge's own choosing. @throws EdgeError `EDGE_COMMAND_FAILED` when it does not end with 0. */
export async function mustRun(
  host: Host,
  command: Command,
  options: ExecOptions = {},
  hint?: string,
): Promise<ExecResult> {
  return requireSuccess(host, command, await host.exec(command, options), hint);
}

/** Looks with a command. @throws EdgeError `EDGE_COMMAND_FAILED` when it does not end with 0. */
export async function mustProbe(
  host: HostReader,
  command: Command,
  options: ExecOptions = {},
  hint?: string,
): Promise<ExecResult> {
  return requireSuccess(host, command, await host.probe(command, options), hint);
}

/** True when the program is on the host's PATH. */
export async function hasProgram(host: HostReader, program: string): Promise<boolean> {
  const { exitCode } = await host.probe(['sh', '-c', 'command -v "$1" >/dev/null 2>&1', 'sh', program]);
  return exitCode === 0;
}

function requireSuccess(host: HostReader, command: Command, result: ExecResult, hint?: string): ExecResult {
  if (result.exitCode === 0) return result;
  const said = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `${command.join(' ').slice(0, 300)} exited ${result.exitCode} on ${host.id}${said === '' ? '' : `: ${said}`}`,
    { exitCode: result.exitCode, stderr: result.stderr.slice(-2000), stdout: result.stdout.slice(-2000) },
    hint === undefined ? {} : { hint },
  );
}
