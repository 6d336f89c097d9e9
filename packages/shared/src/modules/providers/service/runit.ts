import type { Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import type { ModuleContext } from '../../contract/index.ts';
import { isDirectory, mustRun } from '../../operations/index.ts';
import type { ServiceProvider } from './provider.ts';

/** Where definitions lie that are not supervised until they are linked. */
const AVAILABLE = '/etc/sv';
/** Where runsvdir looks for services; the first that is there. */
const SUPERVISED = ['/etc/service', '/service', '/var/service', '/run/runit/service'] as const;
/** runsvdir looks for new services every five seconds. */
const SUPERVISED_WITHIN_S = 15;
const WAIT_SUPERVISED = `
i=0; until sv status "$1" >/dev/null 2>&1; do i=$((i + 1)); [ "$i" -lt "$2" ] || exit 1; sleep 1; done`;

/** True on hosts where runit is process 1. */
export function isRunit({ facts }: ModuleContext): boolean {
  return facts.get('init') === 'runit';
}

/**
 * Services of runit, as Salt 3006 sees them (modules/runit.py): enabled is a service that is linked for runsvdir and
 * has no file `down`; enabling alone does not start it.
 */
export const runitProvider: ServiceProvider = {
  kind: 'runit',
  async look({ host }, name) {
    const supervised = await supervisedPath(host, name);
    if (supervised === undefined)
      return { known: await isDirectory(host, `${AVAILABLE}/${name}`), running: false, enabled: false };
    const { stdout } = await host.probe(['sv', 'status', supervised]);
    const isDown = (await host.stat(`${supervised}/down`)) !== undefined;
    return { known: true, running: stdout.startsWith('run:'), enabled: !isDown };
  },
  async list({ host }) {
    const names: string[] = [];
    for (const dir of [await supervisedDirectory(host), AVAILABLE]) {
      if (!(await isDirectory(host, dir))) continue;
      // With a slash the link that the directory may be is followed.
      names.push(...(await host.list(`${dir}/`)).map((entry) => entry.name));
    }
    return [...new Set(names)].filter((name) => !name.startsWith('.')).sort();
  },
  async act({ host }, name, action) {
    const path = (await supervisedPath(host, name)) ?? (await supervise(host, name));
    await mustRun(host, ['sv', '-w', '30', action, path], {}, `Run 'sv status ${path}' on ${host.id}.`);
  },
  async setEnabled({ host }, name, enabled) {
    const path = await supervisedPath(host, name);
    if (!enabled) return await setDown(host, path ?? `${AVAILABLE}/${name}`, true);
    await setDown(host, path ?? (await supervise(host, name)), false);
  },
};

async function supervisedDirectory(host: HostReader): Promise<string> {
  for (const dir of SUPERVISED) if (await isDirectory(host, dir)) return dir;
  return SUPERVISED[0];
}

async function supervisedPath(host: HostReader, name: string): Promise<string | undefined> {
  const path = `${await supervisedDirectory(host)}/${name}`;
  return (await isDirectory(host, path)) ? path : undefined;
}

/** Links a service for runsvdir, switched off, and waits until it is supervised. */
async function supervise(host: Host, name: string): Promise<string> {
  const path = `${await supervisedDirectory(host)}/${name}`;
  await setDown(host, `${AVAILABLE}/${name}`, true);
  await mustRun(host, ['ln', '-s', `${AVAILABLE}/${name}`, path]);
  const { exitCode } = await host.exec(['sh', '-c', WAIT_SUPERVISED, 'sh', path, String(SUPERVISED_WITHIN_S)]);
  if (exitCode === 0) return path;
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `runsvdir of ${host.id} does not supervise ${path}`,
    { name },
    {
      hint: `See whether ${AVAILABLE}/${name}/run is there and may be run.`,
    },
  );
}

async function setDown(host: Host, path: string, isDown: boolean): Promise<void> {
  if (isDown) await host.writeFile(`${path}/down`, new Uint8Array(), { mode: 0o644 });
  else await host.remove(`${path}/down`);
}
