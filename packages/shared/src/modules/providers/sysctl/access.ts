import { dirname } from 'node:path/posix';
import type { Host, HostReader } from '../../../host/index.ts';
import { asText, makeDirectories, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import { settingName, settingValue, writeSetting } from './settings.ts';

/** The file that Salt writes settings to where systemd reads them (Salt 3006 modules/linux_sysctl.py). */
export const SETTINGS_FILE = '/etc/sysctl.d/99-salt.conf';

/** The value that is in force; undefined: the kernel has no such setting. */
export async function readSetting(host: HostReader, name: string): Promise<string | undefined> {
  const { exitCode, stdout } = await host.probe(['sysctl', '-n', settingName(name)]);
  return exitCode === 0 ? settingValue(stdout) : undefined;
}

/** Puts a value into force until the host starts anew. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function assignSetting(host: Host, name: string, value: string): Promise<void> {
  await mustRun(
    host,
    ['sysctl', '-w', `${settingName(name)}=${value}`],
    {},
    'The kernel may not have it, or not yet: its module may have to be loaded first.',
  );
}

/** The text of a file of settings; empty where it is not there. */
export async function readSettingsFile(host: HostReader, path: string): Promise<string> {
  const content = await readIfPresent(host, path);
  return content === undefined ? '' : asText(host, path, content);
}

/** Writes a value for later starts; answers whether the file was another. */
export async function persistSetting(host: Host, path: string, name: string, value: string): Promise<boolean> {
  const before = await readSettingsFile(host, path);
  const after = writeSetting(before, name, value);
  if (after === before) return false;
  await makeDirectories(host, dirname(path), { mode: 0o755 });
  await writeText(host, path, after);
  return true;
}
