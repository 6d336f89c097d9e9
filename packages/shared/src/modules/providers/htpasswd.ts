import type { ExecOptions, Host, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { mustRun } from '../operations/index.ts';

const HINT = 'Check the file, its directory and runas.';

/** A file of names and passwords, and who reads and writes it. */
export interface PasswordFile {
  readonly path: string;
  readonly runAs: string | undefined;
}

/** Whether a name is in the file; false where there is none. */
export async function isKnown(host: HostReader, { path, runAs }: PasswordFile, user: string): Promise<boolean> {
  const { exitCode, stdout } = await host.probe(['cut', '-d:', '-f1', '--', path], runningAs(runAs));
  return exitCode === 0 && stdout.split('\n').includes(user);
}

/** Whether it is the password of a name that is in the file. */
export async function isPasswordOf(
  host: HostReader,
  { path, runAs }: PasswordFile,
  user: string,
  password: string,
): Promise<boolean> {
  const options = { ...runningAs(runAs), stdin: `${password}\n` };
  const result = await host.probe(['htpasswd', '-v', '-i', path, user], options);
  // 3: another password, 6: no such name.
  if (result.exitCode === 0 || result.exitCode === 3 || result.exitCode === 6) return result.exitCode === 0;
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `htpasswd -v ${path} exited ${result.exitCode} on ${host.id}: ${result.stderr.trim().slice(-1000)}`,
    { exitCode: result.exitCode },
    { hint: HINT },
  );
}

/** Gives a name a password, and makes the file where there is none. The password is in no command line. */
export async function setPassword(
  host: Host,
  { path, runAs }: PasswordFile,
  user: string,
  { password, letters }: { readonly password: string; readonly letters: string },
): Promise<void> {
  const create = (await host.stat(path)) === undefined ? 'c' : '';
  const options = { ...runningAs(runAs), stdin: `${password}\n` };
  await mustRun(host, ['htpasswd', `-i${create}${letters}`, path, user], options, HINT);
}

/** Takes a name out of the file. */
export async function removeUser(host: Host, { path, runAs }: PasswordFile, user: string): Promise<void> {
  await mustRun(host, ['htpasswd', '-D', path, user], runningAs(runAs), HINT);
}

function runningAs(runAs: string | undefined): ExecOptions {
  return runAs === undefined ? {} : { runAs };
}
