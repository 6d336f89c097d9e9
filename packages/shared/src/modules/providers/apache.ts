import type { Host, HostReader } from '../../host/index.ts';
import type { Facts } from '../contract/index.ts';
import { mustRun } from '../operations/index.ts';

/** What Debian's Apache switches on by links: `mods-enabled`, `sites-enabled`, `conf-enabled`. */
export type ApacheKind = 'module' | 'site' | 'conf';

const KINDS = {
  module: { folder: 'mods-enabled', word: 'mod', suffix: '.load' },
  site: { folder: 'sites-enabled', word: 'site', suffix: '.conf' },
  conf: { folder: 'conf-enabled', word: 'conf', suffix: '.conf' },
} as const satisfies Record<ApacheKind, object>;

/** The programs that switch things of a kind on and off, and Salt's word for it. */
export function switchesOf(kind: ApacheKind): { readonly on: string; readonly off: string; readonly word: string } {
  const { word } = KINDS[kind];
  return { on: `a2en${word}`, off: `a2dis${word}`, word };
}

/** True on Debian and its kin, else why not. */
export function supportsSwitches(facts: Facts): true | string {
  const family = facts.get('os_family');
  return family === 'Debian' || `a2enmod and its kin are Debian's, and this is ${String(family ?? 'another system')}`;
}

/** Whether Apache is told of it; a link that leads nowhere counts, as in Salt (Salt 3006 modules/deb_apache.py). */
export async function isEnabled(host: HostReader, kind: ApacheKind, name: string): Promise<boolean> {
  const { folder, suffix } = KINDS[kind];
  const file = /\.(load|conf)$/.test(name) ? name : `${name}${suffix}`;
  const names = kind === 'site' && name === 'default' ? [file, `000-${file}`] : [file];
  for (const one of names) if ((await host.stat(`/etc/apache2/${folder}/${one}`))?.kind === 'symlink') return true;
  return false;
}

/** Switches it on or off; Apache reads it when it is reloaded. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function switchTo(host: Host, kind: ApacheKind, name: string, isOn: boolean): Promise<void> {
  const { on, off } = switchesOf(kind);
  const program = isOn ? on : off;
  const available = KINDS[kind].folder.replace('enabled', 'available');
  await mustRun(
    host,
    [program, '--quiet', await switchedName(host, kind, name.replace(/\.(load|conf)$/, ''))],
    {},
    `Look at what there is: ls /etc/apache2/${available}`,
  );
}

/** Debian's own default site has a number before its name, which its programs want to hear. */
async function switchedName(host: HostReader, kind: ApacheKind, name: string): Promise<string> {
  if (kind !== 'site' || name !== 'default') return name;
  const isOfItsOwn = (await host.stat('/etc/apache2/sites-available/default.conf')) !== undefined;
  return isOfItsOwn ? name : `000-${name}`;
}
