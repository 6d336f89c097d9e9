import type { ActiveMount } from './mountinfo.ts';

/** What trees say about options that the kernel does not show as they were given. */
export interface OptionRules {
  /** Options never seen in mountinfo. */
  readonly invisibleOptions: readonly string[];
  /** Keys (`password=…`) never seen in mountinfo. */
  readonly invisibleKeys: readonly string[];
  /** File system → keys that it does not show. */
  readonly ignoredKeys: ReadonlyMap<string, readonly string[]>;
  /** Option → how the kernel shows it. */
  readonly translations: ReadonlyMap<string, string>;
}

/** Options that are for mount(8), for boot or for other programs (Salt 3006 states/mount.py, mount(8), systemd.mount(5)). */
const INVISIBLE: ReadonlySet<string> = new Set(
  `_netdev actimeo auto backup-volfile-servers bg bind comment defaults delay_connect direct-io-mode group intr loop
   noauto nobootwait nofail nointr nonempty nouser owner password port private rbind reconnect remount retry rprivate
   rshared rslave shared silent slave soft transform_symlinks user users`.split(/\s+/),
);
const INVISIBLE_KEYS: ReadonlySet<string> = new Set(
  'actimeo comment credentials direct-io-mode helper offset password port retry secretfile sizelimit uhelper'.split(
    ' ',
  ),
);
const TRANSLATIONS: Readonly<Record<string, string>> = { tcp: 'proto=tcp', udp: 'proto=udp' };
const IGNORED_KEYS: Readonly<Record<string, readonly string[]>> = { ramfs: ['size'] };

/** Option of every file system → the ones whose absence it means; the kernel shows only the others. */
const OPPOSITES: Readonly<Record<string, readonly string[]>> = {
  suid: ['nosuid'],
  dev: ['nodev'],
  exec: ['noexec'],
  async: ['sync'],
  atime: ['noatime'],
  diratime: ['nodiratime'],
  norelatime: ['relatime'],
  nostrictatime: [],
  strictatime: ['noatime', 'relatime'],
};
/** Options of every file system that the kernel shows whenever they are on. */
const FLAGS: ReadonlySet<string> = new Set(
  'rw ro nosuid nodev noexec sync dirsync noatime nodiratime relatime lazytime'.split(' '),
);
/** Options of a temporary file system that are not shown when they are as by default. */
const TMPFS_DEFAULTS: ReadonlySet<string> = new Set(['mode=1777', 'uid=0', 'gid=0']);
/** Leaving these out changes nothing. */
const UNREMARKABLE: ReadonlySet<string> = new Set(['rw', 'relatime']);

/**
 * The options for which a mount must be made anew: those that are wanted and not there, and those that `former`, the
 * options it was mounted with as far as anybody knows, has and nobody wants any more. What the kernel does not show is
 * told by `former` alone; when that is undefined, it is taken to be there.
 */
export function optionDrift(
  wanted: readonly string[],
  active: Pick<ActiveMount, 'opts' | 'superopts' | 'fstype'>,
  former: readonly string[] | undefined,
  rules: OptionRules,
): string[] {
  const shown = new Set([...active.opts, ...active.superopts].map(normalised));
  const shownKeys = new Set([...shown].filter((option) => option.includes('=')).map(keyOf));
  const isInvisible = (option: string): boolean => {
    const key = keyOf(option);
    return (
      INVISIBLE.has(option) ||
      INVISIBLE_KEYS.has(key) ||
      rules.invisibleOptions.includes(option) ||
      rules.invisibleKeys.includes(key) ||
      (rules.ignoredKeys.get(active.fstype) ?? IGNORED_KEYS[active.fstype] ?? []).includes(key) ||
      /^x-|^X-/.test(option)
    );
  };
  const isMissing = (option: string): boolean => {
    if (isInvisible(option)) return false;
    const translated = normalised(rules.translations.get(option) ?? TRANSLATIONS[option] ?? option);
    if (shown.has(translated)) return false;
    const opposites = OPPOSITES[translated];
    if (opposites !== undefined) return opposites.some((opposite) => shown.has(opposite));
    const key = keyOf(translated);
    if (active.fstype === 'tmpfs' && TMPFS_DEFAULTS.has(translated)) return shownKeys.has(key);
    const isComparable = FLAGS.has(translated) || (shownKeys.has(key) && !translated.endsWith('%'));
    return isComparable || (former !== undefined && !former.includes(option));
  };
  const wantedKeys = new Set(wanted.map(keyOf));
  const isLeftOver = (option: string): boolean =>
    !wantedKeys.has(keyOf(option)) &&
    !UNREMARKABLE.has(option) &&
    !isInvisible(option) &&
    shown.has(normalised(option));
  return [...new Set([...wanted.filter(isMissing), ...(former ?? []).filter(isLeftOver)])].sort();
}

function keyOf(option: string): string {
  return option.split('=', 1)[0]!;
}

/** Sizes in kibibytes and modes without leading zeros, as the kernel shows them. */
function normalised(option: string): string {
  const size = /^size=(\d+)([kmg]?)$/i.exec(option);
  if (size !== null) {
    const kibibytes = { '': 1 / 1024, k: 1, m: 1024, g: 1024 * 1024 }[size[2]!.toLowerCase()]!;
    return `size=${Math.ceil(Number(size[1]) * kibibytes)}k`;
  }
  return option.replace(/^mode=0+(?=\d)/, 'mode=');
}
