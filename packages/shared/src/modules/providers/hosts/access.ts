import type { Host, HostReader } from '../../../host/index.ts';
import { asText, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import { parseMountinfo } from '../mount/index.ts';

/** Where the names of addresses are kept. */
const HOSTS_FILE = '/etc/hosts';

/** Text of the hosts file; empty where there is none. @throws EdgeError `EDGE_BAD_ARGUMENT` when it is not UTF-8 */
export async function readHosts(host: HostReader): Promise<string> {
  const content = await readIfPresent(host, HOSTS_FILE);
  return content === undefined ? '' : asText(host, HOSTS_FILE, content);
}

/** Replaces the text of the hosts file; owner and permissions stay. */
export async function writeHosts(host: Host, text: string): Promise<void> {
  // Containers have their hosts file mounted: no other file can take its place there.
  const mounts = await readIfPresent(host, '/proc/self/mountinfo');
  const isMounted =
    mounts !== undefined && parseMountinfo(asText(host, '/proc', mounts)).some(({ name }) => name === HOSTS_FILE);
  if (isMounted) await mustRun(host, ['sh', '-c', 'cat >"$1"', 'sh', HOSTS_FILE], { stdin: text });
  else await writeText(host, HOSTS_FILE, text);
}
