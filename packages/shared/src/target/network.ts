import { BlockList, isIP } from 'node:net';

/** An address, or a network in CIDR form. */
export interface IpTarget {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  /** Absent: the address itself. */
  readonly prefixBits?: number;
}

/** Reads `10.1.2.3`, `10.1.0.0/16`, `fd00::/8` or `10.1.0.0/255.255.0.0`; a text says what is wrong. */
export function parseIpTarget(text: string): IpTarget | string {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0) return `\`${address}\` is not an IP address`;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (slash < 0) return { family, address };
  const mask = text.slice(slash + 1);
  const bits = /^\d+$/.test(mask) ? Number(mask) : version === 4 ? maskBits(mask) : undefined;
  const most = version === 4 ? 32 : 128;
  if (bits === undefined || bits > most) return `\`${mask}\` is not a prefix length from 0 to ${most}`;
  const value = addressBits(address, family);
  const hostBits = BigInt(most - bits);
  if (value !== (value >> hostBits) << hostBits) {
    return `\`${text}\` has host bits set: an address or a network is needed`;
  }
  return { family, address, prefixBits: bits };
}

/** A predicate over the addresses of a host. */
export function compileIpTarget(target: IpTarget): (addresses: readonly string[]) => boolean {
  const list = new BlockList();
  if (target.prefixBits === undefined) list.addAddress(target.address, target.family);
  else list.addSubnet(target.address, target.prefixBits, target.family);
  const version = target.family === 'ipv4' ? 4 : 6;
  return (addresses) => addresses.some((address) => isIP(address) === version && list.check(address, target.family));
}

function maskBits(mask: string): number | undefined {
  if (isIP(mask) !== 4) return undefined;
  const bits = addressBits(mask, 'ipv4').toString(2).padStart(32, '0');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

function addressBits(address: string, family: IpTarget['family']): bigint {
  if (family === 'ipv4') return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  return ipv6Groups(address).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

function ipv6Groups(address: string): number[] {
  const plain = address.replace(/%.*$/, '');
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  const hex = dotted ? `${dotted[1]}${dottedGroups(dotted[2]!)}` : plain;
  const [head = '', tail] = hex.split('::');
  const read = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return read(head);
  const left = read(head);
  const right = read(tail);
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function dottedGroups(dotted: string): string {
  const value = addressBits(dotted, 'ipv4');
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
