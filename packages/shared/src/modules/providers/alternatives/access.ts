import type { Command, ExecOptions, Host, HostReader } from '../../../host/index.ts';
import { mustRun, readIfPresent } from '../../operations/index.ts';
import { type LinkGroup, parseDisplay } from './display.ts';

/** Debian's program; Red Hat has it by this name too. */
const PROGRAM = 'update-alternatives';
/** What it says is read: it must be in the C locale. */
const PLAIN: ExecOptions = { env: { LC_ALL: 'C' } };
/** Where the programs of Debian, Red Hat and SUSE keep their groups. */
const RECORDS = ['/var/lib/dpkg/alternatives', '/var/lib/alternatives', '/var/lib/rpm/alternatives'] as const;

/** What the program shows of a group: its text, or why there is none. */
export async function displayText(host: HostReader, name: string): Promise<string> {
  const { exitCode, stdout, stderr } = await host.probe([PROGRAM, '--display', name], PLAIN);
  return (exitCode === 0 || stderr === '' ? stdout : stderr).trimEnd();
}

/** A group of alternatives; undefined when there is none of that name. */
export async function findGroup(host: HostReader, name: string): Promise<LinkGroup | undefined> {
  const group = parseDisplay(await displayText(host, name));
  return group === undefined || group.link !== undefined ? group : { ...group, link: await recordedLink(host, name) };
}

/** Where the link of a group leads; undefined when there is none. */
export async function currentChoice(host: HostReader, name: string): Promise<string | undefined> {
  return (await host.stat(`/etc/alternatives/${name}`))?.linkTarget;
}

/** Path of the link of a group; undefined when there is none. */
export async function recordedLink(host: HostReader, name: string): Promise<string | undefined> {
  for (const directory of RECORDS) {
    const record = await readIfPresent(host, `${directory}/${name}`);
    const link = record === undefined ? undefined : Buffer.from(record).toString('utf8').split('\n')[1];
    if (link) return link;
  }
  return undefined;
}

/** Has the program change a group, and answers what it said. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function changeGroup(host: Host, ...words: readonly string[]): Promise<string> {
  const command: Command = [PROGRAM, ...words];
  return (await mustRun(host, command, PLAIN, 'Paths of alternatives must be on the host.')).stdout.trimEnd();
}
