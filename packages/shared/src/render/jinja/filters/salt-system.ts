import { createHash, randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { constants, createReadStream } from 'node:fs';
import { access, open, readdir, readFile, stat } from 'node:fs/promises';
import { delimiter, join, posix } from 'node:path';
import { fromPlain, type PlainValue, PyMap, type Value } from '../../../values/index.ts';
import type { Env } from '../runtime/env.ts';
import { PyFault, valueError } from '../runtime/fault.ts';
import { sequence } from '../runtime/iterate.ts';
import { truth } from '../runtime/operands.ts';
import { str } from '../runtime/print.ts';
import { define } from '../runtime/signature.ts';
import { type Builtin, textOf } from '../runtime/types.ts';
import {
  type Address,
  contains,
  formatAddress,
  hasProperty,
  hosts,
  type Network,
  netmask,
  networkSize,
  parseAddress,
  parseNetwork,
} from './addresses.ts';
import { parseJson } from './json-parse.ts';

const WAITS = { mayWait: true };
const MAX_BODY = 16 * 1024 * 1024;
const HTTP_TIMEOUT_MS = 20_000;

type Version = 4 | 6 | undefined;

function address(value: unknown, version: Version): Address | undefined {
  const text = textOf(value);
  const parsed = text === undefined ? undefined : parseAddress(text.trim());
  return parsed && (version === undefined || parsed.version === version) ? parsed : undefined;
}

function options(value: unknown): string[] {
  return (
    textOf(value)
      ?.split(',')
      .map((option) => option.trim())
      .filter((option) => option !== '') ?? []
  );
}

/** An address or network that has the wanted properties, in its normal form. */
function filtered(value: unknown, version: Version, wanted: unknown): string | undefined {
  const text = textOf(value)?.trim();
  if (text === undefined) return undefined;
  const found = address(text.split('/')[0], version);
  if (!found || (text.includes('/') && !parseNetwork(text, false))) return undefined;
  if (!options(wanted).every((option) => hasProperty(found, option))) return undefined;
  return text.includes('/') ? `${formatAddress(found)}/${text.split('/')[1]}` : formatAddress(found);
}

function addressFilter(name: string, version: Version): Builtin {
  return define(`${name}(addr, options=None)`, (_env, value: unknown, wanted: unknown) => {
    if (textOf(value) !== undefined) return filtered(value, version, wanted) ?? null;
    if (!Array.isArray(value) && !(value instanceof PyMap)) return null;
    const kept = sequence(value)
      .map((item) => filtered(item, version, wanted))
      .filter((item) => item !== undefined);
    return kept;
  });
}

function network(value: unknown): Network {
  const text = textOf(value) ?? '';
  const parsed = parseNetwork(text, false);
  if (!parsed) throw valueError(`'${text}' does not appear to be an IPv4 or IPv6 network`);
  return parsed;
}

function ipHost(value: unknown, wanted: unknown, version: Version): unknown {
  const one = (item: unknown): string | undefined => {
    const kept = filtered(item, version, wanted);
    if (kept === undefined) return undefined;
    return kept.includes('/') ? kept : `${kept}/${parseAddress(kept)!.version === 4 ? 32 : 128}`;
  };
  if (textOf(value) !== undefined) return one(value) ?? null;
  return sequence(value)
    .map(one)
    .filter((item) => item !== undefined);
}

function networkHosts(value: unknown, version: Version): unknown {
  const one = (item: unknown): string[] => hosts(network(item), 100_000);
  if (textOf(value) !== undefined) return one(value);
  return sequence(value)
    .filter((item) => filtered(item, version, null) !== undefined)
    .map(one);
}

function filterByNetworks(values: unknown, networks: unknown): unknown {
  const ranges = sequence(networks).map(network);
  const inside = (value: unknown): boolean => {
    const found = address(value, undefined);
    return found !== undefined && ranges.some((range) => contains(range, found));
  };
  if (textOf(values) !== undefined) return inside(values) ? values : null;
  return sequence(values).filter(inside);
}

function macToBytes(value: unknown): Uint8Array {
  const text = textOf(value);
  if (text === undefined || (text.length !== 12 && text.length !== 17)) throw valueError('Invalid MAC address');
  const hex = text.length === 17 ? text.replaceAll(text[2]!, '') : text;
  if (!/^[\da-fA-F]{12}$/.test(hex)) throw valueError('Invalid MAC address');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function generateMac(prefix: string): string {
  const rest = Array.from({ length: 3 }, () => randomInt(256).toString(16).toUpperCase().padStart(2, '0'));
  return `${prefix}:${rest.join(':')}`;
}

async function dnsCheck(value: unknown, port: unknown, safe: unknown, ipv6: unknown): Promise<unknown> {
  const text = str(value);
  try {
    const found = await lookup(text, { all: true, ...(ipv6 === null ? {} : { family: truth(ipv6) ? 6 : 4 }) });
    const first = found.find(({ family }) => family === 4) ?? found[0];
    if (first) return first.family === 6 ? `[${first.address}]` : first.address;
  } catch (cause) {
    if (!truth(safe))
      throw Object.assign(
        new PyFault('SaltSystemExit', `DNS lookup or connection check of '${text}:${str(port)}' failed`),
        { cause },
      );
  }
  return '';
}

function pathJoin(parts: readonly unknown[]): string {
  const [root = '', ...rest] = parts.map(str);
  if (rest.length === 0) return root;
  const joined = [root, ...rest.map((part) => part.replace(/^\/+/, ''))]
    .filter((part, at) => at === 0 || part !== '')
    .join('/');
  return posix.normalize(joined).replace(/(.)\/$/, '$1');
}

async function which(name: string): Promise<string | null> {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, name));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      if ((await stat(candidate)).isFile()) return candidate;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return null;
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR';
}

async function hashFile(path: string, form: string): Promise<string> {
  const hash = createHash(form);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function firstBytes(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function looksLikeText(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false;
  const odd = bytes.filter((byte) => byte < 7 || (byte > 13 && byte < 32 && byte !== 27)).length;
  return odd <= bytes.length * 0.3;
}

async function listFiles(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { recursive: true });
    return [path, ...entries.map((entry) => join(path, entry))].sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function uidOf(name: string): Promise<number> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) throw new PyFault('KeyError', `"getpwnam(): name not found: '${name}'"`);
  return Number(line.split(':')[2]);
}

async function httpQuery(env: Env, url: string, given: ReadonlyMap<string, unknown>): Promise<PyMap> {
  const headers = given.get('header_dict');
  const data = given.get('data');
  const signals = [AbortSignal.timeout(Math.max(1, Math.min(HTTP_TIMEOUT_MS, env.leftMs)))];
  if (env.request.signal) signals.push(env.request.signal);
  const answer = new PyMap();
  try {
    const response = await fetch(url, {
      method: str(given.get('method') ?? 'GET'),
      signal: AbortSignal.any(signals),
      ...(headers instanceof PyMap
        ? { headers: Object.fromEntries([...headers].map(([name, value]) => [str(name), str(value)])) }
        : {}),
      ...(data === undefined || data === null ? {} : { body: str(data) }),
    });
    const body = (await response.text()).slice(0, MAX_BODY);
    if (!response.ok) answer.set('error', `HTTP ${response.status}: ${response.statusText}`);
    answer.set('body', body);
    if (truth(given.get('status') ?? false)) answer.set('status', response.status);
    if (truth(given.get('headers') ?? false))
      answer.set('headers', fromPlain(Object.fromEntries(response.headers) as Record<string, PlainValue>));
    const decodes = truth(given.get('decode') ?? false);
    if (decodes) answer.set('dict', (parseJson(body) ?? null) as Value);
  } catch (error) {
    answer.set('error', error instanceof Error ? error.message : String(error));
  }
  return answer;
}

/** Salt's filters of addresses, files and the network. */
export const SALT_SYSTEM_FILTERS: readonly Builtin[] = [
  define('is_ip(ip)', (_env, value: unknown) => address(value, undefined) !== undefined),
  define('is_ipv4(ip)', (_env, value: unknown) => address(value, 4) !== undefined),
  define('is_ipv6(ip)', (_env, value: unknown) => address(value, 6) !== undefined),
  addressFilter('ipaddr', undefined),
  addressFilter('ipv4', 4),
  addressFilter('ipv6', 6),
  define('ip_host(value, options=None, version=None)', (_env, value: unknown, wanted: unknown, version: unknown) =>
    ipHost(value, wanted, version === 4 || version === 6 ? version : undefined),
  ),
  define(
    'network_hosts(value, options=None, version=None)',
    (_env, value: unknown, _options: unknown, version: unknown) =>
      networkHosts(value, version === 4 || version === 6 ? version : undefined),
  ),
  define('network_size(value, options=None, version=None)', (_env, value: unknown) => {
    const one = (item: unknown): number => Number(networkSize(network(item)));
    return textOf(value) === undefined ? sequence(value).map(one) : one(value);
  }),
  define('netmask(value)', (_env, value: unknown) => netmask(network(value))),
  define('filter_by_networks(values, networks)', (_env, values: unknown, networks: unknown) =>
    filterByNetworks(values, networks),
  ),
  define('ipwrap(ip)', (_env, value: unknown) => (address(value, 6) ? `[${str(value).trim()}]` : str(value))),
  define('gen_mac(prefix="AC:DE:48")', (_env, prefix: unknown) => generateMac(str(prefix))),
  define('mac_str_to_bytes(mac_str)', (_env, value: unknown) => macToBytes(value)),
  define(
    'dns_check(addr, port=80, safe=False, ipv6=None)',
    (_env, value: unknown, port: unknown, safe: unknown, ipv6: unknown) => dnsCheck(value, port, safe, ipv6),
    WAITS,
  ),
  define(
    'http_query(url, **kwargs)',
    (env: Env, url: unknown, given: ReadonlyMap<string, unknown>) => httpQuery(env, str(url), given),
    WAITS,
  ),
  define('path_join(*parts, **kwargs)', (_env, parts: readonly unknown[]) => pathJoin(parts)),
  define('which(exe)', (_env, name: unknown) => which(str(name)), WAITS),
  define(
    'file_hashsum(path, form="sha256", chunk_size=65536)',
    (_env, path: unknown, form: unknown) => hashFile(str(path), str(form)),
    WAITS,
  ),
  define(
    'is_empty(filename)',
    async (_env, path: unknown) => (await stat(str(path)).catch(() => undefined))?.size === 0,
    WAITS,
  ),
  define(
    'is_text_file(fp_, blocksize=512)',
    async (_env, path: unknown) => {
      const bytes = await firstBytes(str(path));
      return bytes !== undefined && looksLikeText(bytes);
    },
    WAITS,
  ),
  define(
    'is_bin_file(path)',
    async (_env, path: unknown) => {
      const bytes = await firstBytes(str(path));
      return bytes !== undefined && !looksLikeText(bytes);
    },
    WAITS,
  ),
  define('list_files(directory)', (_env, path: unknown) => listFiles(str(path)), WAITS),
  define('get_uid(user)', (_env, name: unknown) => uidOf(str(name)), WAITS),
];
