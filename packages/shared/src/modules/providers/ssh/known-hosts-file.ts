import { dirname } from 'node:path/posix';
import type { Command, Host, HostReader } from '../../../host/index.ts';
import { asText, makeDirectories, readIfPresent, writeText } from '../../operations/index.ts';
import { type KnownHost, parseKeyscan } from './known-hosts.ts';
import { readUserFile, writeUserFile } from './user-file.ts';

/** Whose hosts: a user's, or with `user` undefined those of a file that everybody reads. */
export interface KnownHostsPath {
  readonly user: string | undefined;
  readonly config: string;
}

/** What is known; empty where there is no such file. @throws EdgeError as `readUserFile` */
export async function readKnownHosts(host: HostReader, { user, config }: KnownHostsPath): Promise<string> {
  if (user !== undefined) return (await readUserFile(host, { user, config })).text;
  const content = await readIfPresent(host, config);
  return content === undefined ? '' : asText(host, config, content);
}

/** Replaces what is known. @throws EdgeError as `writeUserFile` */
export async function writeKnownHosts(host: Host, { user, config }: KnownHostsPath, text: string): Promise<void> {
  if (user !== undefined) return await writeUserFile(host, { user, config }, text);
  await makeDirectories(host, dirname(config));
  await writeText(host, config, text);
}

/** Whom to ask for keys. */
export interface KeyscanRequest {
  readonly hostname: string;
  readonly port: number | undefined;
  /** Only keys of this type. */
  readonly enc: string | undefined;
  readonly timeoutS: number;
}

/** The keys a server shows, asked from the host; none when it does not answer. Needs `ssh-keyscan` there. */
export async function scanKeys(host: HostReader, request: KeyscanRequest, signal: AbortSignal): Promise<KnownHost[]> {
  const { hostname, port, enc, timeoutS } = request;
  const command: Command = [
    'ssh-keyscan',
    ...['-T', String(timeoutS)],
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(enc === undefined ? [] : ['-t', enc]),
    hostname,
  ];
  return parseKeyscan((await host.probe(command, { signal })).stdout);
}
