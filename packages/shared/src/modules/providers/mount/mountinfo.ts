/** A mounted file system, as `/proc/<pid>/mountinfo` tells it (proc_pid_mountinfo(5)). */
export interface ActiveMount {
  readonly mountId: number;
  readonly parentId: number;
  /** `major:minor` of the file system's device. */
  readonly deviceNumber: string;
  /** Directory of that file system which is mounted: `/` unless it is a bind mount or a subvolume. */
  readonly root: string;
  /** Where it is mounted. */
  readonly name: string;
  /** Options of this mount: `rw`, `noexec`. */
  readonly opts: readonly string[];
  readonly fstype: string;
  readonly device: string;
  /** Options of the file system: `size=1024k`. */
  readonly superopts: readonly string[];
}

/** Reads `mountinfo`. The later of two mounts at one place is on top. */
export function parseMountinfo(text: string): ActiveMount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    // Any number of tags (`shared:1`) stand before the dash.
    const dash = fields.indexOf('-', 6);
    if (dash === -1 || fields.length < dash + 4) return [];
    const [mountId, parentId, deviceNumber, root, name, opts] = fields as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const [fstype, device, superopts] = fields.slice(dash + 1) as [string, string, string];
    return [
      {
        mountId: Number(mountId),
        parentId: Number(parentId),
        deviceNumber,
        root: unescapeOctal(root),
        name: unescapeOctal(name),
        opts: opts.split(','),
        fstype: unescapeOctal(fstype),
        device: unescapeOctal(device),
        superopts: superopts.split(',').map(unescapeOctal),
      },
    ];
  });
}

/** Replaces `\040` and the like, as mountinfo and fstab write spaces, tabs, newlines and backslashes. */
export function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  // Escapes stand for bytes: those of one letter may be several.
  const bytes = text
    .split(/(\\[0-7]{3})/)
    .map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.from([Number.parseInt(part.slice(1), 8) & 0xff]),
    );
  return Buffer.concat(bytes).toString('utf8');
}

/** Writes spaces, tabs, newlines and backslashes so that a field stays one word. */
export function escapeOctal(text: string): string {
  return text.replace(/[\s\\]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** A device or file that is swapped to. */
export interface ActiveSwap {
  readonly name: string;
  /** `partition` or `file`. */
  readonly type: string;
  /** Kibibytes, as the kernel writes them. */
  readonly size: string;
  readonly used: string;
  readonly priority: string;
}

/** Reads `/proc/swaps`. */
export function parseSwaps(text: string): ActiveSwap[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      if (fields.length < 5) return [];
      const [name, type, size, used, priority] = fields as [string, string, string, string, string];
      return [{ name: unescapeOctal(name), type, size, used, priority }];
    });
}
