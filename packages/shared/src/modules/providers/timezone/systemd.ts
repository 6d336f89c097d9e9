import type { HostReader } from '../../../host/index.ts';
import { hasProgram } from '../../operations/index.ts';

/** Whether systemd runs the host and can be told of its clock. */
export async function hasSystemd(host: HostReader): Promise<boolean> {
  return (await host.stat('/run/systemd/system')) !== undefined && (await hasProgram(host, 'timedatectl'));
}
