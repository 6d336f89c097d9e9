import { EdgeError } from '../../../kernel/index.ts';
import { hasProgram, mustRun } from '../../operations/index.ts';
import type { ServiceProvider } from './provider.ts';

/** Services of System V: scripts in /etc/init.d, links in /etc/rc?.d. */
export const sysvProvider: ServiceProvider = {
  kind: 'sysv',
  async look({ host }, name) {
    const script = `/etc/init.d/${name}`;
    if ((await host.stat(script)) === undefined) return { known: false, running: false, enabled: false };
    const status = await host.probe([script, 'status']);
    const links = await host.probe([
      'sh',
      '-c',
      'for l in /etc/rc[2345].d/S??"$1"; do [ -e "$l" ] && exit 0; done; exit 1',
      'sh',
      name,
    ]);
    return { known: true, running: status.exitCode === 0, enabled: links.exitCode === 0 };
  },
  async list({ host }) {
    const entries = (await host.stat('/etc/init.d')) === undefined ? [] : await host.list('/etc/init.d');
    return entries
      .map(({ name }) => name)
      .filter((name) => !['README', 'rc', 'rcS', 'skeleton', 'functions'].includes(name));
  },
  async act({ host }, name, action) {
    await mustRun(host, [`/etc/init.d/${name}`, action], {}, `Run '/etc/init.d/${name} ${action}' on ${host.id}.`);
  },
  async setEnabled({ host }, name, enabled) {
    if (await hasProgram(host, 'update-rc.d')) {
      if (enabled) await mustRun(host, ['update-rc.d', name, 'defaults']);
      await mustRun(host, ['update-rc.d', name, enabled ? 'enable' : 'disable']);
    } else if (await hasProgram(host, 'chkconfig')) await mustRun(host, ['chkconfig', name, enabled ? 'on' : 'off']);
    else
      throw new EdgeError(
        'EDGE_NOT_SUPPORTED',
        `${host.id} has neither update-rc.d nor chkconfig`,
        { name },
        {
          hint: 'Leave `enable` out on such hosts.',
        },
      );
  },
};

/** Services of OpenRC. */
export const openrcProvider: ServiceProvider = {
  kind: 'openrc',
  async look({ host }, name) {
    const known = (await host.stat(`/etc/init.d/${name}`)) !== undefined;
    if (!known) return { known: false, running: false, enabled: false };
    const status = await host.probe(['rc-service', name, 'status']);
    const boot = await host.probe(['rc-update', 'show', 'default']);
    return {
      known,
      running: status.exitCode === 0,
      enabled: boot.stdout.split('\n').some((line) => line.trim().split(' ')[0] === name),
    };
  },
  list: (ctx) => sysvProvider.list(ctx),
  async act({ host }, name, action) {
    await mustRun(host, ['rc-service', name, action]);
  },
  async setEnabled({ host }, name, enabled) {
    await mustRun(host, ['rc-update', enabled ? 'add' : 'del', name, 'default']);
  },
};
