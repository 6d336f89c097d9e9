import type { Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { asText, hasProgram, mustProbe, mustRun, readIfPresent, writeText } from '../../operations/index.ts';
import { configuredMode, configureMode, type Mode } from './output.ts';

const CONFIG = '/etc/selinux/config';
const MOUNT = '/sys/fs/selinux/enforce';
/** The package of semanage on hosts like RedHat and Debian. */
const PACKAGE = 'policycoreutils-python-utils';

/** Why SELinux cannot be asked about on the host; undefined: it can. */
export async function whyNoSelinux(host: HostReader): Promise<string | undefined> {
  if ((await host.stat(MOUNT)) !== undefined) return undefined;
  const isInstalled = (await readIfPresent(host, CONFIG)) !== undefined;
  return isInstalled
    ? `SELinux is disabled on ${host.id}; it can be asked again after a start in permissive or enforcing mode`
    : `there is no SELinux on ${host.id}`;
}

/** @throws EdgeError `EDGE_NOT_SUPPORTED` where there is no SELinux, or it is disabled */
export async function requireSelinux(host: HostReader): Promise<void> {
  const reason = await whyNoSelinux(host);
  if (reason !== undefined)
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      reason,
      {},
      { hint: 'Leave it out for this host; /sys/fs/selinux tells hosts with SELinux apart.' },
    );
}

/** The mode now; Disabled also where the host has SELinux and did not start it. */
export async function currentMode(host: HostReader): Promise<Mode> {
  const content = await readIfPresent(host, MOUNT);
  if (content === undefined) return 'Disabled';
  return asText(host, MOUNT, content).trim() === '1' ? 'Enforcing' : 'Permissive';
}

/** The mode after the next start; undefined where nothing says it. */
export async function nextMode(host: HostReader): Promise<Mode | undefined> {
  return configuredMode(await configText(host));
}

/** Sets the mode, now where the kernel can and for later starts. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function setMode(host: Host, mode: Mode): Promise<void> {
  const now = await currentMode(host);
  if (mode !== 'Disabled' && now !== 'Disabled' && now !== mode)
    await mustRun(host, ['setenforce', mode === 'Enforcing' ? '1' : '0']);
  const before = await configText(host);
  const after = configureMode(before, mode);
  if (after !== before) await writeText(host, CONFIG, after);
}

/** What semanage lists. @throws EdgeError `EDGE_COMMAND_NOT_FOUND` with the package that brings it */
export async function listPolicy(host: HostReader, ...words: readonly string[]): Promise<string> {
  await requireSemanage(host);
  return (await mustProbe(host, ['semanage', ...words])).stdout;
}

/** Changes the policy. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function changePolicy(host: Host, ...words: readonly string[]): Promise<void> {
  await requireSemanage(host);
  await mustRun(host, ['semanage', ...words]);
}

async function requireSemanage(host: HostReader): Promise<void> {
  if (await hasProgram(host, 'semanage')) return;
  throw new EdgeError(
    'EDGE_COMMAND_NOT_FOUND',
    `there is no semanage on ${host.id}`,
    {},
    { hint: `Install ${PACKAGE}.` },
  );
}

async function configText(host: HostReader): Promise<string> {
  const content = await readIfPresent(host, CONFIG);
  return content === undefined ? '' : asText(host, CONFIG, content);
}
