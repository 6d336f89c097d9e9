import { createHmac } from 'node:crypto';
import { endedText, splitLines } from '../../text/index.ts';
import { keyType } from './public-key.ts';

/** A key that hosts are known by (`sshd(8)`, SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  /** Names with commas between, patterns, or the hash of one name, as the file has them. */
  readonly hostname: string;
  /** Type: `ssh-ed25519`. */
  readonly enc: string;
  /** Base64. */
  readonly key: string;
}

/** A line with its end; `entry` is absent for what is no key of hosts: comments, authorities, revoked keys. */
export interface KnownHostLine {
  readonly text: string;
  readonly entry?: KnownHost;
}

/** Reads a file of known hosts; joining the texts of its lines gives it back. */
export function parseKnownHosts(text: string): KnownHostLine[] {
  return splitLines(text).map((line) => {
    const entry = parseKnownHost(line);
    return entry === undefined ? { text: line } : { text: line, entry };
  });
}

/** What a host is called there: with its port, where that is not SSH's own. */
export function knownName(host: string, port: number | undefined): string {
  return port === undefined || port === 22 ? host : `[${host}]:${port}`;
}

/** The keys a host is known by, patterns and hashes included. */
export function findKnownHost(text: string, name: string): KnownHost[] {
  return parseKnownHosts(text).flatMap(({ entry }) => (entry !== undefined && isOf(entry, name) ? [entry] : []));
}

/** The keys of lines that name the host itself, and not by a pattern. */
export function findOwnEntries(text: string, name: string): KnownHost[] {
  return parseKnownHosts(text).flatMap(({ entry }) => (entry !== undefined && names(entry, name) ? [entry] : []));
}

/** The file without the host on lines that name it; other names of a line stay. `enc` takes only keys of this type. */
export function removeKnownHost(text: string, name: string, enc?: string): string {
  return parseKnownHosts(text)
    .map(({ text: line, entry }) => {
      if (entry === undefined || !names(entry, name) || (enc !== undefined && entry.enc !== enc)) return line;
      const others = entry.hostname.split(',').filter((other) => !isName(other, name));
      return others.length === 0 ? '' : line.replace(entry.hostname, () => others.join(','));
    })
    .join('');
}

/** The file in which the host has this key, and no other of its type. */
export function setKnownHost(text: string, name: string, { hostname, enc, key }: KnownHost): string {
  return `${endedText(removeKnownHost(text, name, enc))}${hostname} ${enc} ${key}\n`;
}

/** The hash of a name, as `ssh-keygen -H` writes it. */
export function hashName(name: string, salt: Uint8Array): string {
  const digest = createHmac('sha1', salt).update(name.toLowerCase()).digest('base64');
  return `|1|${Buffer.from(salt).toString('base64')}|${digest}`;
}

/** Reads what `ssh-keyscan` prints. */
export function parseKeyscan(stdout: string): KnownHost[] {
  return parseKnownHosts(stdout).flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
}

function parseKnownHost(line: string): KnownHost | undefined {
  const [hostname, enc, key] = line.trim().split(/\s+/);
  if (hostname === undefined || enc === undefined || key === undefined || /^[#@]/.test(hostname)) return undefined;
  return keyType(key) === undefined ? undefined : { hostname, enc, key };
}

/** Whether ssh would take the line for the host's: one of its patterns fits, and none that is negated. */
function isOf({ hostname }: KnownHost, name: string): boolean {
  if (hostname.startsWith('|')) return isName(hostname, name);
  const patterns = hostname.split(',');
  const fits = (pattern: string): boolean => fitsPattern(pattern.toLowerCase(), name.toLowerCase());
  return (
    patterns.some((pattern) => !pattern.startsWith('!') && fits(pattern)) &&
    !patterns.some((pattern) => pattern.startsWith('!') && fits(pattern.slice(1)))
  );
}

function names({ hostname }: KnownHost, name: string): boolean {
  return hostname.startsWith('|') ? isName(hostname, name) : hostname.split(',').some((other) => isName(other, name));
}

function isName(word: string, name: string): boolean {
  const hash = /^\|1\|([A-Za-z0-9+/=]+)\|[A-Za-z0-9+/=]+$/.exec(word);
  if (hash === null) return word.toLowerCase() === name.toLowerCase();
  return hashName(name, Buffer.from(hash[1]!, 'base64')) === word;
}

/** Whether a pattern with `*` and `?` fits; in time that grows with both lengths, whatever a file holds. */
function fitsPattern(pattern: string, name: string): boolean {
  let [at, star, resumeAt] = [0, -1, 0];
  for (let index = 0; index < name.length; ) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at;
      at += 1;
      resumeAt = index;
    } else if (wanted === '?' || wanted === name[index]) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      resumeAt += 1;
      index = resumeAt;
      at = star + 1;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
