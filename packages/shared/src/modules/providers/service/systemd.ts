import { mustProbe, mustRun } from '../../operations/index.ts';
import type { ServiceLook, ServiceProvider } from './provider.ts';

/** Reads `systemctl show` of one unit. */
export function parseUnit(output: string): ServiceLook {
  const values = new Map(output.split('\n').map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)]));
  const active = values.get('ActiveState') ?? 'inactive';
  const boot = values.get('UnitFileState') ?? '';
  return {
    known: values.get('LoadState') === 'loaded',
    running: active === 'active' || active === 'reloading' || active === 'activating',
    masked: values.get('LoadState') === 'masked',
    enabled: ['enabled', 'enabled-runtime', 'static', 'alias', 'generated'].includes(boot),
  };
}

/** Services of systemd, asked through systemctl. */
export const systemdProvider: ServiceProvider = {
  kind: 'systemd',
  async look({ host }, name) {
    const { stdout } = await mustProbe(host, [
      'systemctl',
      'show',
      '--property=LoadState,ActiveState,UnitFileState',
      '--',
      unitName(name),
    ]);
    return parseUnit(stdout);
  },
  async list({ host }) {
    const { stdout } = await mustProbe(host, [
      'systemctl',
      'list-unit-files',
      '--type=service',
      '--no-legend',
      '--no-pager',
      '--full',
    ]);
    return stdout
      .split('\n')
      .map((line) => line.split(/\s/)[0]!.replace(/\.service$/, ''))
      .filter((name) => name !== '')
      .sort();
  },
  async act({ host }, name, action) {
    const unit = unitName(name);
    await mustRun(host, ['systemctl', action, '--', unit], {}, `Run 'journalctl -u ${unit} -n 50' on ${host.id}.`);
  },
  async setEnabled({ host }, name, enabled) {
    await mustRun(host, ['systemctl', enabled ? 'enable' : 'disable', '--', unitName(name)]);
  },
  async setMasked({ host }, name, { masked, untilReboot }) {
    const options = untilReboot ? ['--runtime'] : [];
    await mustRun(host, ['systemctl', masked ? 'mask' : 'unmask', ...options, '--', unitName(name)]);
  },
};

/** Units without a suffix are services. */
function unitName(name: string): string {
  return /\.(service|socket|timer|mount|target|path|slice|scope)$/.test(name) ? name : `${name}.service`;
}
