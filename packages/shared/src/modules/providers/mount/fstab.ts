import { escapeOctal, unescapeOctal } from './mountinfo.ts';

/** An entry of `fstab(5)`. */
export interface FstabEntry {
  readonly device: string;
  /** Mount point, or `none`. */
  readonly name: string;
  readonly fstype: string;
  /** Separated by commas. */
  readonly opts: string;
  readonly dump: string;
  readonly pass_num: string;
}

/** Names by which an entry can be recognised. */
export const FSTAB_FIELDS = ['device', 'name', 'fstype', 'opts', 'dump', 'pass_num'] as const;

/** A line of fstab with its end; `entry` is absent for comments, empty lines and what cannot be read. */
export interface FstabLine {
  readonly text: string;
  readonly entry?: FstabEntry;
}

/** Which entries are meant: those that agree in all of these fields. */
export type FstabKey = Partial<FstabEntry>;

/** File systems whose device tells nothing: their entries are known by the mount point (Salt 3006 modules/mount.py). */
const KNOWN_BY_NAME: ReadonlySet<string> = new Set([
  'none',
  'tmpfs',
  'sysfs',
  'proc',
  'fusectl',
  'debugfs',
  'securityfs',
  'devtmpfs',
  'cgroup',
  'btrfs',
]);

/** Reads fstab; joining the texts of its lines gives it back. Entries may leave the last two fields out. */
export function parseFstab(text: string): FstabLine[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => {
    const bare = line.trim();
    const fields = bare.split(/\s+/);
    if (bare === '' || bare.startsWith('#') || fields.length < 4 || fields.length > 6) return { text: line };
    const [device, name, fstype, opts, dump = '0', pass = '0'] = fields as [string, string, string, string];
    const entry = { device: unescapeOctal(device), name: unescapeOctal(name), fstype, opts, dump, pass_num: pass };
    return { text: line, entry };
  });
}

/** The line of an entry, as Salt writes it. */
export function fstabLine({ device, name, fstype, opts, dump, pass_num }: FstabEntry): string {
  return `${escapeOctal(device)}\t\t${escapeOctal(name)}\t${fstype}\t${opts}\t${dump} ${pass_num}\n`;
}

/** How an entry is recognised: `auto`, or the named fields. */
export function fstabKey(entry: FstabEntry, matchOn: 'auto' | readonly (keyof FstabEntry)[]): FstabKey {
  const fields = matchOn === 'auto' ? ([KNOWN_BY_NAME.has(entry.fstype) ? 'name' : 'device'] as const) : matchOn;
  return Object.fromEntries(fields.map((field) => [field, entry[field]]));
}

/** fstab with the entry in it, and what that took. `key` finds the entries it replaces. */
export function setFstab(
  text: string,
  entry: FstabEntry,
  key: FstabKey,
  { keepOther = false }: { readonly keepOther?: boolean } = {},
): { readonly outcome: 'present' | 'new' | 'change'; readonly text: string } {
  let isPresent = false;
  const lines = parseFstab(text).map((line) => {
    if (line.entry === undefined || !agrees(line.entry, key)) return line.text;
    isPresent = true;
    return keepOther || agrees(line.entry, entry) ? line.text : fstabLine(entry);
  });
  if (!isPresent) {
    const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return { outcome: 'new', text: ended + fstabLine(entry) };
  }
  const after = lines.join('');
  return { outcome: after === text ? 'present' : 'change', text: after };
}

/** fstab without the entries that are meant. */
export function removeFstab(text: string, key: FstabKey): string {
  return parseFstab(text)
    .filter(({ entry }) => entry === undefined || !agrees(entry, key))
    .map((line) => line.text)
    .join('');
}

/** The first entry that is meant. */
export function findFstab(text: string, key: FstabKey): FstabEntry | undefined {
  return parseFstab(text).find(({ entry }) => entry !== undefined && agrees(entry, key))?.entry;
}

function agrees(entry: FstabEntry, key: FstabKey): boolean {
  return Object.entries(key).every(
    ([field, value]) => value === undefined || entry[field as keyof FstabEntry] === value,
  );
}
