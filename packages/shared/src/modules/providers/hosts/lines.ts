import { endedText, splitLines } from '../../text/index.ts';

/** An entry of `hosts(5)`. */
export interface HostsEntry {
  readonly ip: string;
  /** The official name, then the aliases. */
  readonly names: readonly string[];
  /** What stands behind `#` on the line. */
  readonly comment: string | undefined;
}

/** A line of a hosts file with its end; `entry` is absent for comments and empty lines. */
export interface HostsLine {
  readonly text: string;
  readonly entry?: HostsEntry;
}

/** Reads a hosts file; joining the texts of its lines gives it back. */
export function parseHosts(text: string): HostsLine[] {
  return splitLines(text).map((line) => {
    const { body, comment } = partsOf(line);
    const [ip, ...names] = body.split(/\s+/).filter((word) => word !== '');
    if (ip === undefined) return { text: line };
    return { text: line, entry: { ip, names, comment: comment.replace(/^#\s*/, '').trim() || undefined } };
  });
}

/** The names of an address, in the order of the file. */
export function namesOf(text: string, ip: string): string[] {
  return parseHosts(text).flatMap(({ entry }) => (entry?.ip === ip ? entry.names : []));
}

/** The file with the name among those of the address: at the end of its first line, or on a line of its own. */
export function addName(text: string, ip: string, name: string): string {
  if (namesOf(text, ip).includes(name)) return text;
  let isAdded = false;
  const lines = parseHosts(text).map((line) => {
    if (isAdded || line.entry?.ip !== ip) return line.text;
    isAdded = true;
    const body = partsOf(line.text).body.trimEnd();
    return `${body} ${name}${line.text.slice(body.length)}`;
  });
  return isAdded ? lines.join('') : `${endedText(text)}${ip}\t\t${name}\n`;
}

/** The file without the name among those of the address; a line that has no other name goes. */
export function removeName(text: string, ip: string, name: string): string {
  return parseHosts(text)
    .map(({ text: line, entry }) => {
      if (entry?.ip !== ip || !entry.names.includes(name)) return line;
      if (entry.names.every((other) => other === name)) return '';
      const body = partsOf(line).body.trimEnd();
      const kept = body
        .split(/(?=\s\S)/)
        .filter((word, index) => index === 0 || word.trim() !== name)
        .join('');
      return kept + line.slice(body.length);
    })
    .join('');
}

/** The file with exactly these names for the address, on one line, in this order; without names, no line at all. */
export function setNames(text: string, ip: string, names: readonly string[], comment?: string): string {
  const now = namesOf(text, ip);
  const isSame = now.length === names.length && now.every((name, index) => name === names[index]);
  if (isSame && names.length > 0) return comment === undefined ? text : setComment(text, ip, comment);
  const written = names.length === 0 ? '' : `${ip}\t\t${names.join(' ')}`;
  let isWritten = false;
  const lines = parseHosts(text).map(({ text: line, entry }) => {
    if (entry?.ip !== ip) return line;
    if (isWritten || written === '') return '';
    isWritten = true;
    const said = comment ?? entry.comment;
    return `${written}${said === undefined ? '' : `\t\t# ${said}`}\n`;
  });
  if (isWritten || written === '') return lines.join('');
  return `${endedText(text)}${written}${comment === undefined ? '' : `\t\t# ${comment}`}\n`;
}

/** The file with a comment on the line of the address, of the one that has `name` where it is given. */
export function setComment(text: string, ip: string, comment: string, name?: string): string {
  let isSet = false;
  return parseHosts(text)
    .map(({ text: line, entry }) => {
      if (isSet || entry?.ip !== ip || (name !== undefined && !entry.names.includes(name))) return line;
      isSet = true;
      if (entry.comment === comment) return line;
      return `${partsOf(line).body.trimEnd()}\t\t# ${comment}\n`;
    })
    .join('');
}

/** What of a line is before its comment, and the comment with its mark. */
function partsOf(line: string): { readonly body: string; readonly comment: string } {
  const bare = line.replace(/\r?\n$/, '');
  const at = bare.indexOf('#');
  return at === -1 ? { body: bare, comment: '' } : { body: bare.slice(0, at), comment: bare.slice(at) };
}
