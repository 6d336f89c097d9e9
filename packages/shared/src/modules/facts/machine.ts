/** What was read from firmware, processor and process tree. */
export interface MachineTexts {
  readonly cpuinfo: string;
  readonly vendor: string;
  readonly product: string;
  /** Lines of markers: `docker`, `podman`, `lxc`, … */
  readonly container: string;
}

const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/vmware/i, 'VMware'],
  [/virtualbox|innotek/i, 'VirtualBox'],
  [/microsoft/i, 'HyperV'],
  [/xen/i, 'xen'],
  [/parallels/i, 'Parallels'],
  [/qemu|kvm|google|amazon|openstack|digitalocean|hetzner/i, 'kvm'],
];

/** Salt's `virtual`: `physical`, `container`, or the kind of virtual machine. */
export function parseVirtual({ cpuinfo, vendor, product, container }: MachineTexts): {
  virtual: string;
  virtual_subtype?: string;
} {
  const kind = container.trim().split('\n')[0] ?? '';
  if (kind !== '') return { virtual: 'container', virtual_subtype: kind };
  const firmware = `${vendor} ${product}`;
  const known = VENDORS.find(([pattern]) => pattern.test(firmware))?.[1];
  if (known !== undefined) return { virtual: known };
  // The processor says that there is a hypervisor; which one nobody told.
  return { virtual: /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo) ? 'kvm' : 'physical' };
}

/** Processor model and flags. */
export function parseCpu(cpuinfo: string): { cpu_model: string; cpu_flags: string[] } {
  const value = (name: string): string => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(cpuinfo)?.[1]?.trim() ?? '';
  const flags = value('flags') || value('Features');
  return {
    cpu_model: value('model name') || value('Model') || 'Unknown',
    cpu_flags: flags === '' ? [] : flags.split(' '),
  };
}

/** Memory in MiB. */
export function parseMemory(meminfo: string): { mem_total: number; swap_total: number } {
  const mebibytes = (name: string): number =>
    Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) / 1024);
  return { mem_total: mebibytes('MemTotal'), swap_total: mebibytes('SwapTotal') };
}

/** Salt's `init` from the name of process 1 and the marker of systemd. */
export function parseInit(comm: string, systemd: boolean): string {
  const name = comm.trim();
  if (systemd || name === 'systemd') return 'systemd';
  const known: Record<string, string> = {
    init: 'sysvinit',
    'openrc-init': 'openrc',
    runit: 'runit',
    runsvdir: 'runit',
    supervisord: 'supervisord',
    tini: 'tini',
    'dumb-init': 'dumb-init',
  };
  return known[name] ?? 'unknown';
}
