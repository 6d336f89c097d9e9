import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { PyMap } from '../../values/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { mustProbe } from '../operations/index.ts';

/** Network and load of a host. */
export const networkFunctions: readonly ExecutionModule[] = [
  ...(['network.ip_addrs', 'network.ipaddrs', 'network.ip_addrs6'] as const).map((name) =>
    defineRead({
      name,
      summary:
        name === 'network.ip_addrs6'
          ? 'Answer the IPv6 addresses of the host.'
          : 'Answer the IPv4 addresses of the host.',
      args: z.object({
        interface: z.string().optional().describe('Only those of this interface.'),
        include_loopback: z.boolean().default(false).describe('Also those that lead back to the host.'),
        cidr: z.string().optional().describe('Only those in this IPv4 network.'),
      }),
      returns: 'A sorted list.',
      examples: [],
      run: ({ interface: nic, include_loopback, cidr }, ctx) => {
        const interfaces = ctx.facts.get(name === 'network.ip_addrs6' ? 'ip6_interfaces' : 'ip4_interfaces');
        const entries = interfaces instanceof PyMap ? [...interfaces] : [];
        const chosen = entries
          .filter(([key]) => nic === undefined || key === nic)
          .flatMap(([, list]) => (list as string[]) ?? []);
        const kept = chosen.filter(
          (address) =>
            (include_loopback || !/^127\.|^::1$/.test(address)) && (cidr === undefined || inNetwork(address, cidr)),
        );
        return Promise.resolve([...new Set(kept)].sort());
      },
    }),
  ),
  defineRead({
    name: 'network.interfaces',
    summary: 'Answer the interfaces with their addresses.',
    args: z.object({}),
    returns: 'A mapping of names to {inet, inet6, hwaddr}.',
    examples: [],
    run: (_, { facts }) => {
      const of = (key: string, name: unknown): unknown => {
        const map = facts.get(key);
        return map instanceof PyMap ? map.get(name as string) : undefined;
      };
      const names = facts.get('ip_interfaces');
      return Promise.resolve(
        Object.fromEntries(
          (names instanceof PyMap ? [...names.keys()] : []).map((name) => [
            String(name),
            {
              hwaddr: of('hwaddr_interfaces', name),
              inet: ((of('ip4_interfaces', name) as string[] | undefined) ?? []).map((address) => ({ address })),
              inet6: ((of('ip6_interfaces', name) as string[] | undefined) ?? []).map((address) => ({ address })),
            },
          ]),
        ),
      );
    },
  }),
  defineRead({
    name: 'network.get_hostname',
    summary: 'Answer the name of the host.',
    args: z.object({}),
    returns: 'A name.',
    examples: [],
    run: async (_, { host }) => (await mustProbe(host, ['uname', '-n'])).stdout.trim(),
  }),
  defineRead({
    name: 'network.connect',
    summary: 'Tell whether a port accepts connections from the host.',
    args: z.object({ host: z.string().describe('Name or address.'), port: z.coerce.number().int().describe('Port.') }),
    returns: 'A mapping of result and comment.',
    examples: [],
    async run({ host: peer, port }, { host }) {
      if (host.connect === undefined)
        throw new EdgeError('EDGE_NOT_SUPPORTED', `${host.id} is reached in a way that opens no connections`);
      try {
        (await host.connect({ host: peer, port })).destroy();
        return { result: true, comment: `Successfully connected to ${peer} on tcp port ${port}` };
      } catch (error) {
        if (error instanceof EdgeError && error.code === 'EDGE_HOST_UNREACHABLE')
          return { result: false, comment: error.message };
        throw error;
      }
    },
  }),
  defineRead({
    name: 'status.loadavg',
    summary: 'Answer the load of the host.',
    args: z.object({}),
    returns: 'A mapping of 1-min, 5-min and 15-min.',
    examples: [],
    async run(_, { host }) {
      const [one, five, fifteen] = (await mustProbe(host, ['cat', '/proc/loadavg'])).stdout.split(' ').map(Number);
      return { '1-min': one, '5-min': five, '15-min': fifteen };
    },
  }),
  defineRead({
    name: 'status.uptime',
    summary: 'Answer how long the host has been up.',
    args: z.object({}),
    returns: 'A mapping of seconds, days and since_iso.',
    examples: [],
    async run(_, { host }) {
      const { stdout } = await mustProbe(host, ['sh', '-c', 'cat /proc/uptime; date +%s']);
      const [up, now] = stdout.trim().split('\n') as [string, string];
      const seconds = Math.floor(Number(up.split(' ')[0]));
      return {
        seconds,
        days: Math.floor(seconds / 86_400),
        since_iso: new Date((Number(now) - seconds) * 1000).toISOString(),
      };
    },
  }),
  defineRead({
    name: 'status.diskusage',
    summary: 'Answer how full file systems are.',
    args: z.object({
      paths: z.array(z.string()).default([]).describe('Paths; every file system where none is given.'),
    }),
    rest: 'paths',
    returns: 'A mapping of mount points to {total, used, available} in bytes.',
    examples: [],
    async run({ paths }, { host }) {
      const { stdout } = await host.probe(['df', '-Pk', ...paths]);
      return parseDiskUsage(stdout);
    },
  }),
  defineRead({
    name: 'status.meminfo',
    summary: 'Answer the memory of the host.',
    args: z.object({}),
    returns: 'A mapping of names to bytes.',
    examples: [],
    run: async (_, ctx) => await memory(ctx),
  }),
];

/** Reads `df -Pk`. */
function parseDiskUsage(output: string): Record<string, { total: number; used: number; available: number }> {
  const lines = output.split('\n').map((line) => /\s(\d+)\s+(\d+)\s+(\d+)\s+\S+\s+(\/.*)$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((match) =>
      match === null
        ? []
        : [
            [
              match[4]!,
              { total: Number(match[1]) * 1024, used: Number(match[2]) * 1024, available: Number(match[3]) * 1024 },
            ],
          ],
    ),
  );
}

async function memory({ host }: ModuleContext): Promise<Record<string, number>> {
  const { stdout } = await mustProbe(host, ['cat', '/proc/meminfo']);
  return Object.fromEntries(
    [...stdout.matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name, size]) => [name!, Number(size) * 1024]),
  );
}

function inNetwork(address: string, cidr: string): boolean {
  const [network, bits = '32'] = cidr.split('/') as [string, string?];
  const number = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return /^\d+(\.\d+){3}$/.test(address) && Math.floor(number(address) / size) === Math.floor(number(network) / size);
}
