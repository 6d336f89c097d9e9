import type { Command, HostReader } from '../../host/index.ts';
import { EDGE_VERSION, EdgeError } from '../../kernel/index.ts';
import { fromPlain, type PyMap } from '../../values/index.ts';
import { parseCpu, parseInit, parseMemory, parseVirtual } from './machine.ts';
import { parseNetwork, parseResolver } from './network.ts';
import { packageArchitecture, parseOs } from './os.ts';

const MARK = '@@edge-fact ';

/** Starting a program costs more than all that the shell can do by itself, so it reads and takes apart what it can. */
const PRELUDE = `
show() { while IFS= read -r line || [ -n "$line" ]; do printf "%s\\n" "$line"; done < "$1"; }
uname() {
  u=$(command uname -snrvm) && s=\${u%% *} && u=\${u#* } && n=\${u%% *} && u=\${u#* } && r=\${u%% *} && u=\${u#* } &&
    printf "%s\\n" "$s" "$r" "\${u##* }" "$n" "\${u% *}"
}
user() {
  i=$(id) && i=\${i#uid=} && g=\${i#* gid=} && a=\${i#*\\(} && b=\${g#*\\(} &&
    printf "%s\\n" "\${i%%\\(*}" "\${a%%\\)*}" "\${g%%\\(*}" "\${b%%\\)*}"
}
f=$(hostname -f 2>/dev/null)
`;

/** name → shell command whose output it is; a failing one leaves nothing behind. */
const SECTIONS: Readonly<Record<string, string>> = {
  uname: 'uname',
  osrelease: 'show /etc/os-release || show /usr/lib/os-release',
  architecture: 'dpkg --print-architecture',
  fqdn: 'printf "%s\\n" "$f"',
  addresses: 'ip -o addr show',
  links: 'ip -o link show',
  resolver: 'show /etc/resolv.conf',
  cpus: 'getconf _NPROCESSORS_ONLN || grep -c ^processor /proc/cpuinfo',
  cpuinfo: 'while IFS= read -r line && [ -n "$line" ]; do printf "%s\\n" "$line"; done < /proc/cpuinfo',
  meminfo: 'show /proc/meminfo',
  init: 'show /proc/1/comm',
  systemd: '[ -d /run/systemd/system ] && echo yes',
  vendor: 'show /sys/class/dmi/id/sys_vendor',
  product: 'show /sys/class/dmi/id/product_name',
  serial: 'show /sys/class/dmi/id/product_serial',
  container:
    '[ -f /.dockerenv ] && echo Docker; [ -f /run/.containerenv ] && echo Podman; grep -aqs container=lxc /proc/1/environ && echo LXC',
  user: 'user',
  session: 'printf "%s\\n" "$PATH" "$SHELL" "$LANG" "$PPID"; date +%Z',
  machineId: 'show /etc/machine-id || show /var/lib/dbus/machine-id',
  addressesOfName: '[ -z "$f" ] || { getent ahostsv4 "$f"; getent ahostsv6 "$f"; }',
  systemdVersion: 'systemctl --version',
  cwd: 'pwd',
};

/** The one command facts are gathered with: a plain `sh`, each part behind a mark of its own. */
export const FACTS_COMMAND: Command = [
  'sh',
  '-c',
  [
    PRELUDE,
    ...Object.entries(SECTIONS).map(([name, line]) => `echo "${MARK}${name}"; { ${line}; } 2>/dev/null; echo`),
    'true',
  ].join('\n'),
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
