/** A line of a file of settings with its end; `name` is absent for comments, empty lines and what cannot be read. */
interface SettingLine {
  readonly text: string;
  readonly name?: string;
  readonly value?: string;
}

/** One way of writing a name: `net/ipv4/ip_forward` is `net.ipv4.ip_forward`; in the former, dots are part of words. */
export function settingName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/')) : name;
}

/** One way of writing a value: the kernel has tabs between numbers where people write spaces. */
export function settingValue(value: string): string {
  return value.trim().split(/\s+/).join(' ');
}

/** The value a file sets; the last line counts, as it does for `sysctl`. Undefined: none. */
export function findSetting(text: string, name: string): string | undefined {
  return linesOf(text).findLast((line) => line.name === settingName(name))?.value;
}

/** A file in which a setting has a value: in the place of its last line, or behind all others. Other lines keep their letters. */
export function writeSetting(text: string, name: string, value: string): string {
  const lines = linesOf(text);
  const at = lines.findLastIndex((line) => line.name === settingName(name));
  if (at === -1) {
    const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return `${ended}${name} = ${value}\n`;
  }
  if (settingValue(lines[at]!.value ?? '') === settingValue(value)) return text;
  // A dash in front says that a kernel without the setting is fine.
  const dash = lines[at]!.text.trimStart().startsWith('-') ? '-' : '';
  return lines.map((line, index) => (index === at ? `${dash}${name} = ${value}\n` : line.text)).join('');
}

/** Reads `sysctl.conf(5)`; joining the texts of its lines gives it back. */
function linesOf(text: string): readonly SettingLine[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => {
    const [, name, value] = /^\s*-?([^\s#;=][^=]*?)\s*=(.*)$/s.exec(line) ?? [];
    if (name === undefined || value === undefined) return { text: line };
    return { text: line, name: settingName(name), value: value.trim() };
  });
}
