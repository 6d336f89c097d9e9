/** The operating system in Salt's words. */
export interface OsFacts {
  readonly os: string;
  readonly os_family: string;
  readonly osfullname: string;
  readonly osrelease: string;
  readonly osmajorrelease: number | string;
  readonly osrelease_info: readonly (number | string)[];
  readonly oscodename: string;
  readonly osfinger: string;
}

/** `ID` of os-release → Salt's `os` and `os_family`. */
const KNOWN: Readonly<Record<string, readonly [os: string, family: string]>> = {
  debian: ['Debian', 'Debian'],
  ubuntu: ['Ubuntu', 'Debian'],
  raspbian: ['Raspbian', 'Debian'],
  linuxmint: ['Mint', 'Debian'],
  pop: ['Pop', 'Debian'],
  kali: ['Kali', 'Debian'],
  devuan: ['Devuan', 'Debian'],
  rhel: ['RedHat', 'RedHat'],
  centos: ['CentOS', 'RedHat'],
  fedora: ['Fedora', 'RedHat'],
  rocky: ['Rocky', 'RedHat'],
  almalinux: ['AlmaLinux', 'RedHat'],
  ol: ['OEL', 'RedHat'],
  amzn: ['Amazon', 'RedHat'],
  alpine: ['Alpine', 'Alpine'],
  arch: ['Arch', 'Arch'],
  gentoo: ['Gentoo', 'Gentoo'],
  sles: ['SUSE', 'Suse'],
  'opensuse-leap': ['SUSE', 'Suse'],
  'opensuse-tumbleweed': ['SUSE', 'Suse'],
  void: ['Void', 'Void'],
  nixos: ['NixOS', 'NixOS'],
};

/** Reads `os-release(5)`; the kernel's name stands in where there is none. */
export function parseOs(osRelease: string, kernel: string): OsFacts {
  const values = parseShellAssignments(osRelease);
  const id = values.ID ?? '';
  const likes = (values.ID_LIKE ?? '').split(' ');
  const own = KNOWN[id];
  const relative = likes.map((like) => KNOWN[like]).find((entry) => entry !== undefined);
  const name = (values.NAME ?? kernel).replace(/ GNU\/Linux$/, '');
  const os = own?.[0] ?? name;
  const release = values.VERSION_ID ?? '';
  const info = release
    .split('.')
    .filter((part) => part !== '')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const major = info[0] ?? '';
  const codename = values.VERSION_CODENAME ?? /\(([^)]+)\)/.exec(values.VERSION ?? '')?.[1] ?? '';
  return {
    os,
    os_family: own?.[1] ?? relative?.[1] ?? os,
    osfullname: name,
    osrelease: release,
    osmajorrelease: major,
    osrelease_info: info,
    oscodename: codename,
    osfinger: `${name}-${os === 'Ubuntu' ? release : major}`,
  };
}

/** Debian's names of processor architectures, where nobody else gave one. */
export function packageArchitecture(machine: string, family: string, told: string): string {
  if (told !== '') return told;
  const debian: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'armhf', i686: 'i386' };
  return family === 'Debian' ? (debian[machine] ?? machine) : machine;
}

function parseShellAssignments(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => /^([A-Z_]+)=(.*)$/.exec(line.trim()));
  return Object.fromEntries(
    lines.flatMap((match) => (match === null ? [] : [[match[1]!, match[2]!.replace(/^(["'])(.*)\1$/, '$2')]])),
  );
}
