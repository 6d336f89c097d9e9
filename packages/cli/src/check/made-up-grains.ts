import { fromPlain, PyMap } from '@edge-run/shared/values';

/** What a host says of itself that nobody has described: a small Debian server, the same on every machine. */
const SERVER = {
  kernel: 'Linux',
  kernelrelease: '6.1.0-18-amd64',
  os: 'Debian',
  os_family: 'Debian',
  osfullname: 'Debian',
  osrelease: '12',
  osmajorrelease: 12,
  osrelease_info: [12],
  oscodename: 'bookworm',
  osfinger: 'Debian-12',
  cpuarch: 'x86_64',
  osarch: 'amd64',
  num_cpus: 2,
  cpu_model: 'Generic',
  cpu_flags: [],
  mem_total: 4096,
  swap_total: 0,
  init: 'systemd',
  virtual: 'kvm',
  virtual_subtype: '',
  manufacturer: '',
  productname: '',
  serialnumber: '',
  ipv4: ['127.0.0.1', '192.0.2.10'],
  ipv6: ['::1'],
  fqdn_ip4: ['192.0.2.10'],
  fqdn_ip6: [],
  ip_interfaces: { lo: ['127.0.0.1', '::1'], eth0: ['192.0.2.10'] },
  ip4_interfaces: { lo: ['127.0.0.1'], eth0: ['192.0.2.10'] },
  ip6_interfaces: { lo: ['::1'], eth0: [] },
  hwaddr_interfaces: { lo: '00:00:00:00:00:00', eth0: '02:00:00:00:00:01' },
  dns: { nameservers: ['192.0.2.1'], search: [], domain: '' },
  machine_id: '00000000000000000000000000000001',
  path: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  systempath: ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  shell: '/bin/sh',
  uid: 0,
  gid: 0,
  username: 'root',
  groupname: 'root',
  locale_info: { defaultlanguage: 'C', defaultencoding: 'UTF-8', detectedencoding: 'utf-8', timezone: 'UTC' },
};

/** Grains of a host of an id, with what is known of it laid over those of a made-up server. */
export function grainsOf(id: string, known: PyMap = new PyMap()): PyMap {
  const names = { id, host: id.split('.')[0]!, nodename: id, localhost: id, fqdn: id, domain: '', fqdns: [id] };
  return new PyMap([...(fromPlain({ ...SERVER, ...names }) as PyMap), ...known, ['id', id]]);
}
