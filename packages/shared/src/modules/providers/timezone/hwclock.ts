import type { Host, HostReader } from '../../../host/index.ts';
import { asText, readIfPresent, writeText } from '../../operations/index.ts';
import { hasSystemd } from './systemd.ts';

/** What the hardware clock shows. */
export type ClockTime = 'UTC' | 'localtime';

/** Its third line says what the hardware clock shows (`adjtime_config(5)`). */
const ADJTIME = '/etc/adjtime';

/** What the hardware clock of the host shows; UTC where nobody has said. */
export async function hardwareClock(host: HostReader): Promise<ClockTime> {
  return clockOf(await readAdjtime(host));
}

/** Says what the hardware clock shows; with systemd it is set to that as well. */
export async function setHardwareClock(host: Host, clock: ClockTime): Promise<void> {
  const command = ['timedatectl', 'set-local-rtc', clock === 'localtime' ? '1' : '0'] as const;
  if ((await hasSystemd(host)) && (await host.exec(command)).exitCode === 0) return;
  const before = await readAdjtime(host);
  const after = setClock(before, clock);
  if (after !== before) await writeText(host, ADJTIME, after);
}

/** What a text of adjtime says. */
export function clockOf(adjtime: string): ClockTime {
  return adjtime.split('\n')[2]?.trim() === 'LOCAL' ? 'localtime' : 'UTC';
}

/** The text of adjtime with another clock in it; drift and calibration stay. */
export function setClock(adjtime: string, clock: ClockTime): string {
  if (clockOf(adjtime) === clock) return adjtime;
  const [drift = '', calibrated = '', , ...rest] = adjtime.split('\n');
  const word = clock === 'UTC' ? 'UTC' : 'LOCAL';
  return [drift || '0.0 0 0.0', calibrated || '0', word, ...(rest.length === 0 ? [''] : rest)].join('\n');
}

async function readAdjtime(host: HostReader): Promise<string> {
  const content = await readIfPresent(host, ADJTIME);
  return content === undefined ? '' : asText(host, ADJTIME, content);
}
