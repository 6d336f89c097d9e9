import { join } from 'node:path/posix';
import type { Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { asText, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import { hasSystemd } from './systemd.ts';

const ZONES = '/usr/share/zoneinfo';
const LOCALTIME = '/etc/localtime';
/** The name of the zone, where a system keeps one. */
const NAME_FILE = '/etc/timezone';

/** Whether the host knows a zone of that name. */
export async function hasZone(host: HostReader, zone: string): Promise<boolean> {
  return (await host.probe(['test', '-f', join(ZONES, zone)])).exitCode === 0;
}

/** The name of the host's zone; undefined where `/etc/localtime` is like no zone there is. */
export async function findZone(host: HostReader): Promise<string | undefined> {
  const linked = await linkedZone(host);
  if (linked !== undefined) return linked;
  const named = await namedZone(host);
  const content = await readIfPresent(host, LOCALTIME);
  // As localtime(5) has it.
  if (content === undefined) return named ?? 'UTC';
  if (named !== undefined && (await isCopyOf(host, content, named))) return named;
  const script = 'find "$1" -type f -size "$3c" -exec cmp -s "$2" {} \\; -print | sort';
  const command = ['sh', '-c', script, 'sh', ZONES, LOCALTIME, String(content.length)] as const;
  const alike = (await host.probe(command)).stdout.split('\n').map((path) => path.slice(ZONES.length + 1));
  return alike.find((zone) => /^[A-Z]/.test(zone));
}

/** The name of the host's zone. @throws EdgeError `EDGE_FILE_NOT_FOUND` where `/etc/localtime` is like no zone there is */
export async function getZone(host: HostReader): Promise<string> {
  const zone = await findZone(host);
  if (zone !== undefined) return zone;
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `${LOCALTIME} on ${host.id} is no zone of ${ZONES}`,
    { path: LOCALTIME },
    { hint: 'Set the zone with timezone.set_zone or timezone.system; tzdata must be installed.' },
  );
}

/** Whether `/etc/localtime` is of the zone, and the name kept beside it, where one is kept, is that of the zone. */
export async function isInZone(host: HostReader, zone: string): Promise<boolean> {
  const named = await namedZone(host);
  if (named !== undefined && named !== zone) return false;
  const linked = await linkedZone(host);
  if (linked !== undefined) return linked === zone;
  const content = await readIfPresent(host, LOCALTIME);
  return content !== undefined && (await isCopyOf(host, content, zone));
}

/** Puts the host into a zone. @throws EdgeError `EDGE_BAD_ARGUMENT` for one that the host does not have */
export async function setZone(host: Host, zone: string): Promise<void> {
  if (!(await hasZone(host, zone)))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `there is no zone ${zone} on ${host.id}`,
      { zone },
      { hint: `Names are paths below ${ZONES}, such as Europe/Berlin; without tzdata there are none.` },
    );
  // systemd tells the kernel and those who listen; where it cannot, the files are what counts.
  const isTold = (await hasSystemd(host)) && (await host.exec(['timedatectl', 'set-timezone', zone])).exitCode === 0;
  if (!isTold || (await linkedZone(host)) !== zone) {
    const beside = `${LOCALTIME}.edge-link`;
    await host.remove(beside);
    await mustRun(host, ['ln', '-s', '--', join(ZONES, zone), beside]);
    await mustRun(host, ['mv', '-f', '--', beside, LOCALTIME]);
  }
  const named = await namedZone(host);
  if (named !== undefined && named !== zone) await writeText(host, NAME_FILE, `${zone}\n`);
}

/** The zone `/etc/localtime` is a link to; undefined where it is none. */
async function linkedZone(host: HostReader): Promise<string | undefined> {
  const found = await host.stat(LOCALTIME);
  if (found?.linkTarget === undefined) return undefined;
  const path = found.linkTarget.startsWith('/') ? join(found.linkTarget) : join('/etc', found.linkTarget);
  return path.startsWith(`${ZONES}/`) ? path.slice(ZONES.length + 1) : undefined;
}

async function namedZone(host: HostReader): Promise<string | undefined> {
  const content = await readIfPresent(host, NAME_FILE);
  return content === undefined ? undefined : asText(host, NAME_FILE, content).trim();
}

async function isCopyOf(host: HostReader, content: Uint8Array, zone: string): Promise<boolean> {
  const wanted = await readIfPresent(host, join(ZONES, zone));
  return wanted !== undefined && Buffer.compare(content, wanted) === 0;
}
