import { isIPv4, isIPv6 } from 'node:net';
import { valueError } from '../runtime/fault.ts';

/** An address as a number, with its family. */
export interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
}
/** A network: its first address and the length of its prefix. */
export interface Network {
  readonly address: Address;
  readonly prefix: number;
}

/** The address a text is; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) {
    return { version: 4, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  }
  if (!isIPv6(text)) return undefined;
  const bare = text
    .replace(/%.*$/, '')
    .replace(
      /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
      (_, a, b, c, d) => `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`,
    );
  const [head = '', tail] = bare.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0');
  return {
    version: 6,
    value: [...left, ...middle, ...right].reduce((sum, part) => sum * 65536n + BigInt(`0x${part}`), 0n),
  };
}

/** The shortest text of an address. */
export function formatAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(112 - 16 * at)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start === -1) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

function bits({ version }: Address): number {
  return version === 4 ? 32 : 128;
}

/** The network a text names; host bits are refused when `strict`. Undefined when it is none. */
export function parseNetwork(text: string, strict: boolean): Network | undefined {
  const [host = '', mask] = text.split('/');
  const address = parseAddress(host);
  if (!address) return undefined;
  let prefix = bits(address);
  if (mask !== undefined) {
    const masked = parseAddress(mask);
    if (/^\d+$/.test(mask)) prefix = Number(mask);
    else if (masked?.version === 4 && address.version === 4)
      prefix = masked.value.toString(2).replace(/0+$/, '').length;
    else return undefined;
    if (prefix > bits(address)) return undefined;
  }
  const size = BigInt(bits(address) - prefix);
  const first = (address.value >> size) << size;
  if (strict && first !== address.value) throw valueError(`${text} has host bits set`);
  return { address: { ...address, value: first }, prefix };
}

/** The number of addresses in a network. */
export function networkSize(network: Network): bigint {
  return 1n << BigInt(bits(network.address) - network.prefix);
}

/** True when the address is in the network. */
export function contains(network: Network, address: Address): boolean {
  return (
    network.address.version === address.version &&
    address.value >= network.address.value &&
    address.value < network.address.value + networkSize(network)
  );
}

/** The netmask of a network as text. */
export function netmask(network: Network): string {
  const width = BigInt(bits(network.address));
  const value = ((1n << width) - 1n) ^ (networkSize(network) - 1n);
  return formatAddress({ version: network.address.version, value });
}

/** The hosts of a network; of an IPv4 one without its network and broadcast address. */
export function hosts(network: Network, limit: number): string[] {
  const { address } = network;
  const size = networkSize(network);
  const single = size <= 2n;
  const first = single ? address.value : address.value + 1n;
  const last = address.value + size - (single || address.version === 6 ? 1n : 2n);
  if (last - first >= BigInt(limit)) throw valueError(`a network of ${size} addresses has too many hosts to list`);
  const all: string[] = [];
  for (let value = first; value <= last; value += 1n) all.push(formatAddress({ version: address.version, value }));
  return all;
}

const RANGES: Readonly<Record<string, readonly string[]>> = {
  private: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/29',
    '192.0.0.170/31',
    '192.0.2.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '240.0.0.0/4',
    '255.255.255.255/32',
    '::1/128',
    '::/128',
    '::ffff:0:0/96',
    '100::/64',
    '2001::/23',
    '2001:2::/48',
    '2001:db8::/32',
    '2001:10::/28',
    'fc00::/7',
    'fe80::/10',
  ],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  reserved: [
    '240.0.0.0/4',
    '::/8',
    '100::/8',
    '200::/7',
    '400::/6',
    '800::/5',
    '1000::/4',
    '4000::/3',
    '6000::/3',
    '8000::/3',
    'a000::/3',
    'c000::/3',
    'e000::/4',
    'f000::/5',
    'f800::/6',
    'fe00::/9',
  ],
  sitelocal: ['fec0::/10'],
  unspecified: ['0.0.0.0/32', '::/128'],
  shared: ['100.64.0.0/10'],
};

/** True when the address has the property Salt's option names. */
export function hasProperty(address: Address, option: string): boolean {
  const inside = (name: string): boolean => RANGES[name]!.some((text) => contains(parseNetwork(text, false)!, address));
  switch (option) {
    case 'global':
      return !inside('private') && !inside('shared');
    case 'public':
      return !inside('private');
    case 'private':
    case 'multicast':
    case 'loopback':
    case 'reserved':
    case 'unspecified':
      return inside(option);
    case 'link-local':
    case 'link_local':
    case 'linklocal':
      return inside('linklocal');
    case 'site-local':
    case 'site_local':
    case 'sitelocal':
      return inside('sitelocal');
    default:
      return false;
  }
}
