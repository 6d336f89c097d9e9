import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { PyMap } from '../../values/index.ts';
import { defineRead, type ExecutionModule, type Facts, type ModuleContext } from '../contract/index.ts';
import { mustProbe } from '../operations/index.ts';

const interfaceArg = z.string().describe('Name of the interface: eth0.');
const cidrArg = z.string().describe('Network: 10.0.0.0/8.');

/** What templates ask about addresses and networks of a host. */
export const networkAddressFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'network.interface_ip',
    summary: 'Answer the first IPv4 address of an interface.',
    args: z.object({ iface: interfaceArg }),
    returns: 'An address; empty where the interface has none.',
    examples: [{ title: 'of eth0', args: { iface: 'eth0' } }],
    run: ({ iface }, { facts }) => Promise.resolve(addressesOf(facts, 'ip4_interfaces').get(iface)?.[0] ?? ''),
  }),
  ...(['network.hw_addr', 'network.hwaddr'] as const).map((name) =>
    defineRead({
      name,
      summary: 'Answer the hardware address of an interface.',
      args: z.object({ iface: interfaceArg }),
      returns: 'An address; empty where the interface is not there.',
      examples: [],
      run: ({ iface }, { facts }) => {
        const known = facts.get('hwaddr_interfaces');
        return Promise.resolve(known instanceof PyMap ? (known.get(iface) ?? '') : '');
      },
    }),
  ),
  defineRead({
    name: 'network.get_fqdn',
    summary: 'Answer the full name of the host.',
    args: z.object({}),
    returns: 'A name.',
    examples: [],
    run: (_, { facts, host }) => Promise.resolve(facts.get('fqdn') ?? host.id),
  }),
  defineRead({
    name: 'network.in_subnet',
    summary: 'Tell whether the host has an address in a network.',
    args: z.object({ cidr: cidrArg }),
    returns: 'True or false.',
    examples: [{ title: 'a private network', args: { cidr: '10.0.0.0/8' } }],
    run: ({ cidr }, { facts }) => {
      const contains = networkOf(cidr);
      const all = ['ip4_interfaces', 'ip6_interfaces'].flatMap((key) => [...addressesOf(facts, key).values()].flat());
      return Promise.resolve(all.some(contains));
    },
  }),
  defineRead({
    name: 'network.ip_in_subnet',
    summary: 'Tell whether an address is in a network.',
    args: z.object({ ip_addr: z.string().describe('The address.'), cidr: cidrArg }),
    returns: 'True or false.',
    examples: [],
    run: ({ ip_addr, cidr }) => Promise.resolve(networkOf(cidr)(ip_addr)),
  }),
  defineRead({
    name: 'network.is_private',
    summary: 'Tell whether an address is of a private network.',
    args: z.object({ ip_addr: z.string().describe('The address.') }),
    returns: 'True or false.',
    examples: [],
    run: ({ ip_addr }) => Promise.resolve(PRIVATE.some((cidr) => networkOf(cidr)(ip_addr))),
  }),
  defineRead({
    name: 'network.calc_net',
    summary: 'Answer the IPv4 network an address is in.',
    args: z.object({
      ip_addr: z.string().describe('Address, with its length behind a slash where netmask is absent.'),
      netmask: z.string().optional().describe('Netmask: 255.255.255.0.'),
    }),
    returns: 'A network: 10.0.0.0/24.',
    examples: [{ title: 'of an address', args: { ip_addr: '172.17.0.5', netmask: '255.255.255.240' } }],
    run: ({ ip_addr, netmask }) => Promise.resolve(ipv4Network(ip_addr, netmask)),
  }),
  defineRead({
    name: 'network.subnets',
    summary: 'Answer the IPv4 networks the host is in.',
    args: z.object({
      interfaces: z
        .union([z.string(), z.array(z.string())])
        .optional()
        .describe('Only those of these interfaces.'),
    }),
    returns: 'A list of networks, without that of the host itself.',
    examples: [],
    run: async ({ interfaces }, ctx) => {
      const wanted = typeof interfaces === 'string' ? [interfaces] : interfaces;
      const found = (await lengthsOf(ctx)).filter(({ name }) => wanted === undefined || wanted.includes(name));
      const networks = found.map(({ address }) => ipv4Network(address, undefined));
      return [...new Set(networks)].filter((network) => !network.startsWith('127.')).sort();
    },
  }),
  defineRead({
    name: 'network.default_route',
    summary: 'Answer the IPv4 default routes of the host.',
    args: z.object({}),
    returns: 'A list of {destination, gateway, interface}.',
    examples: [],
    run: async (_, { host }) => {
      const { stdout } = await mustProbe(host, ['ip', '-4', 'route', 'show', 'default']);
      return stdout
        .split('\n')
        .filter((line) => line.startsWith('default'))
        .map((line) => ({
          destination: '0.0.0.0',
          gateway: /\bvia (\S+)/.exec(line)?.[1] ?? '',
          interface: /\bdev (\S+)/.exec(line)?.[1] ?? '',
        }));
    },
  }),
];

const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

function addressesOf(facts: Facts, key: string): ReadonlyMap<string, readonly string[]> {
  const known = facts.get(key);
  return new Map(
    known instanceof PyMap
      ? [...known].map(([name, list]) => [String(name), Array.isArray(list) ? list.map(String) : []])
      : [],
  );
}

async function lengthsOf({ host }: ModuleContext): Promise<readonly { name: string; address: string }[]> {
  const { stdout } = await mustProbe(host, ['ip', '-o', '-4', 'addr']);
  return [...stdout.matchAll(/^\d+:\s+(\S+)\s+inet\s+(\S+\/\d+)/gm)].map(([, name, address]) => ({
    name: name!,
    address: address!,
  }));
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no network */
function networkOf(cidr: string): (address: string) => boolean {
  const [network = '', length] = cidr.split('/');
  const family = isIPv4(network) ? 'ipv4' : isIPv6(network) ? 'ipv6' : undefined;
  const bits = length === undefined ? (family === 'ipv4' ? 32 : 128) : Number(length);
  if (family === undefined || !Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv4' ? 32 : 128))
    throw new EdgeError('EDGE_BAD_ARGUMENT', `not a network: ${cidr}`, { cidr }, { hint: 'Write 10.0.0.0/8.' });
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return (address) => (isIPv4(address) || isIPv6(address)) && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no address or mask */
function ipv4Network(address: string, netmask: string | undefined): string {
  const [ip = '', length = '32'] = address.split('/');
  const mask = netmask === undefined ? undefined : ipv4Number(netmask);
  const bits = mask === undefined ? Number(length) : mask.toString(2).replaceAll('0', '').length;
  if (!Number.isInteger(bits) || bits < 0 || bits > 32)
    throw new EdgeError('EDGE_BAD_ARGUMENT', `not a network: ${address}`, { address });
  const size = 2 ** (32 - bits);
  const first = Math.floor(ipv4Number(ip) / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${bits}`;
}

function ipv4Number(text: string): number {
  if (!isIPv4(text)) throw new EdgeError('EDGE_BAD_ARGUMENT', `not an IPv4 address: ${text}`, { address: text });
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
