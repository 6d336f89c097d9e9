import type { Command, HostReader } from '../../host/index.ts';
import { EDGE_VERSION, EdgeError } from '../../kernel/index.ts';
import { fromPlain, type PyMap } from '../../values/index.ts';
import { parseCpu, parseInit, parseMemory, parseVirtual } from './machine.ts';
import { parseNetwork, parseResolver } from './network.ts';
import { packageArchitecture, parseOs } from './os.ts';

const MARK = '@@edge-fact ';

/** name → shell command whose output it is; a failing one leaves nothing behind. */
const SECTIONS: Readonly<Record<string, string>> = {
  uname: 'uname -s; uname -r; uname -m; uname -n; uname -v',
  osrelease: 'cat /etc/os-release || cat /usr/lib/os-release',
  architecture: 'dpkg --print-architecture',
  fqdn: 'hostname -f',
  addresses: 'ip -o addr show',
  links: 'ip -o link show',
  resolver: 'cat /etc/resolv.conf',
  cpus: 'getconf _NPROCESSORS_ONLN || grep -c ^processor /proc/cpuinfo',
  cpuinfo: "sed '/^$/q' /proc/cpuinfo",
  meminfo: 'cat /proc/meminfo',
  init: 'cat /proc/1/comm',
  systemd: '[ -d /run/systemd/system ] && echo yes',
  vendor: 'cat /sys/class/dmi/id/sys_vendor',
  product: 'cat /sys/class/dmi/id/product_name',
  serial: 'cat /sys/class/dmi/id/product_serial',
  container:
    '[ -f /.dockerenv ] && echo Docker; [ -f /run/.containerenv ] && echo Podman; grep -aqs container=lxc /proc/1/environ && echo LXC',
  user: 'id -u; id -un; id -g; id -gn',
  session: 'printf "%s\\n" "$PATH" "$SHELL" "$LANG" "$PPID"; date +%Z',
  machineId: 'cat /etc/machine-id || cat /var/lib/dbus/machine-id',
  addressesOfName: 'getent ahostsv4 "$(hostname -f)"; getent ahostsv6 "$(hostname -f)"',
  systemdVersion: 'systemctl --version | head -n 1',
  cwd: 'pwd',
};

/** The one command facts are gathered with: a plain `sh`, each part behind a mark of its own. */
export const FACTS_COMMAND: Command = [
  'sh',
  '-c',
  `${Object.entries(SECTIONS)
    .map(([name, line]) => `echo "${MARK}${name}"; { ${line}; } 2>/dev/null; echo`)
    .join('\n')}\ntrue`,
];

/** What the machine says about itself, in Salt's names. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function gatherFacts(host: HostReader): Promise<PyMap> {
  const result = await host.probe(FACTS_COMMAND, { timeoutMs: 60_000 });
  if (result.exitCode !== 0 || !result.stdout.includes(MARK))
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `facts of ${host.id} could not be gathered: exit ${result.exitCode}: ${result.stderr.slice(0, 500)}`,
      { exitCode: result.exitCode },
      {
        hint: 'The host needs a POSIX sh; what it prints at log-in can stand in the way.',
      },
    );
  return fromPlain(parseFacts(result.stdout, host.id)) as PyMap;
}

/** Reads what `FACTS_COMMAND` prints. */
export function parseFacts(output: string, id: string): Record<string, unknown> {
  const part = splitSections(output);
  const text = (name: string): string => part[name]?.trim() ?? '';
  const [kernel = '', kernelrelease = '', cpuarch = '', nodename = '', kernelversion = ''] = text('uname').split('\n');
  const os = parseOs(text('osrelease'), kernel);
  const fqdn = text('fqdn') || nodename;
  const host = fqdn.split('.')[0]!;
  const resolver = parseResolver(text('resolver'));
  const [uid, username, gid, groupname] = text('user').split('\n');
  const [path = '', shell = '', lang = '', pid, timezone = ''] = text('session').split('\n');
  const named = [
    ...new Set(
      text('addressesOfName')
        .split('\n')
        .map((line) => line.split(/\s+/)[0]!),
    ),
  ];
  const systemdVersion = /^systemd (\d+)/.exec(text('systemdVersion'))?.[1];
  const init = parseInit(text('init'), text('systemd') === 'yes');
  return {
    id,
    nodename,
    host,
    localhost: nodename,
    fqdn,
    domain: fqdn.includes('.') ? fqdn.slice(fqdn.indexOf('.') + 1) : '',
    fqdns: fqdn === '' ? [] : [fqdn],
    fqdn_ip4: named.filter((address) => /^\d+(\.\d+){3}$/.test(address)),
    fqdn_ip6: named.filter((address) => address.includes(':')),
    kernel,
    kernelrelease,
    kernelversion,
    ...os,
    cpuarch,
    osarch: packageArchitecture(cpuarch, os.os_family, text('architecture')),
    num_cpus: Number(text('cpus')) || 1,
    ...parseCpu(text('cpuinfo')),
    ...parseMemory(text('meminfo')),
    init,
    ...(init === 'systemd' && systemdVersion !== undefined ? { systemd: { version: systemdVersion } } : {}),
    ...parseVirtual({
      cpuinfo: text('cpuinfo'),
      vendor: text('vendor'),
      product: text('product'),
      container: text('container'),
    }),
    manufacturer: text('vendor'),
    productname: text('product'),
    serialnumber: text('serial'),
    ...parseNetwork(part.addresses ?? '', part.links ?? ''),
    dns: resolver,
    machine_id: text('machineId'),
    path,
    systempath: path.split(':').filter((entry) => entry !== ''),
    shell,
    ps: 'ps -efHww',
    pid: Number(pid),
    uid: Number(uid),
    username,
    gid: Number(gid),
    groupname,
    cwd: text('cwd'),
    locale_info: {
      defaultlanguage: lang.split('.')[0],
      defaultencoding: lang.split('.')[1] ?? '',
      detectedencoding: 'utf-8',
      timezone,
    },
    edgeversion: EDGE_VERSION,
    edgeversioninfo: EDGE_VERSION.split('.').map(Number),
  };
}

function splitSections(output: string): Record<string, string> {
  const parts = output.split(new RegExp(`^${MARK}`, 'm')).slice(1);
  return Object.fromEntries(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}
