import { endedText, splitLines } from '../../text/index.ts';
import { isKeyType, keyType } from './public-key.ts';

/** A key somebody may log in with (`sshd(8)`, AUTHORIZED_KEYS FILE FORMAT). */
export interface AuthorizedKey {
  readonly options: readonly string[];
  /** Type: `ssh-ed25519`. */
  readonly enc: string;
  /** Base64. */
  readonly key: string;
  readonly comment: string;
}

/** A line with its end; `entry` is absent for comments, empty lines and what is no key. */
export interface AuthorizedLine {
  readonly text: string;
  readonly entry?: AuthorizedKey;
}

/** Reads a file of authorized keys; joining the texts of its lines gives it back. */
export function parseAuthorizedKeys(text: string): AuthorizedLine[] {
  return splitLines(text).map((line) => {
    const entry = parseAuthorizedKey(line);
    return entry === undefined ? { text: line } : { text: line, entry };
  });
}

/** Reads `[options] type key [comment]`; undefined for anything else. */
export function parseAuthorizedKey(line: string): AuthorizedKey | undefined {
  const bare = line.trim();
  if (bare === '' || bare.startsWith('#')) return undefined;
  const first = /^\S+/.exec(bare)![0];
  const end = isKeyType(first) ? 0 : optionsEnd(bare);
  const found = /^(\S+)\s+(\S+)(?:\s+(.*))?$/s.exec(bare.slice(end).trimStart());
  if (found === null || !isKeyType(found[1]!) || keyType(found[2]!) === undefined) return undefined;
  return {
    options: splitOptions(bare.slice(0, end)),
    enc: found[1]!,
    key: found[2]!,
    comment: (found[3] ?? '').trim(),
  };
}

/** The options of a text with commas between; a comma within quotes divides nothing. */
export function splitOptions(text: string): string[] {
  const options = text.match(/(?:"(?:\\.|[^"\\])*"|[^",])+/g) ?? [];
  return options.map((option) => option.trim()).filter((option) => option !== '');
}

/** The line of a key, without its end. */
export function authorizedLine({ options, enc, key, comment }: AuthorizedKey): string {
  return [options.join(','), enc, key, comment].filter((part) => part !== '').join(' ');
}

/** What has to be done for a key to be there as it should be. */
export type KeyStatus = 'exists' | 'update' | 'add';

/** The file with the key in it once, as given, and what that took. */
export function setKey(text: string, wanted: AuthorizedKey): { readonly status: KeyStatus; readonly text: string } {
  let isThere = false;
  const lines = parseAuthorizedKeys(text).map(({ text: line, entry }) => {
    if (entry?.key !== wanted.key) return line;
    // A second line with the key would let in whom the options of the first keep out.
    if (isThere) return '';
    isThere = true;
    return isSame(entry, wanted) ? line : `${authorizedLine(wanted)}\n`;
  });
  if (!isThere) return { status: 'add', text: `${endedText(text)}${authorizedLine(wanted)}\n` };
  const after = lines.join('');
  return { status: after === text ? 'exists' : 'update', text: after };
}

/** The file without the lines of the key. */
export function removeKey(text: string, key: string): string {
  return parseAuthorizedKeys(text)
    .filter(({ entry }) => entry?.key !== key)
    .map((line) => line.text)
    .join('');
}

function isSame(a: AuthorizedKey, b: AuthorizedKey): boolean {
  return a.enc === b.enc && a.comment === b.comment && a.options.join(',') === b.options.join(',');
}

/** Where the options that begin a line end: at the first space outside of quotes. */
function optionsEnd(line: string): number {
  return /^(?:"(?:\\.|[^"\\])*"|[^\s"])*/.exec(line)![0].length;
}
