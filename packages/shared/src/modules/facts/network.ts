/** Addresses of a host, interface by interface. */
export interface NetworkFacts {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly ip_interfaces: Readonly<Record<string, readonly string[]>>;
  readonly ip4_interfaces: Readonly<Record<string, readonly string[]>>;
  readonly ip6_interfaces: Readonly<Record<string, readonly string[]>>;
  readonly hwaddr_interfaces: Readonly<Record<string, string>>;
}

/** Reads `ip -o addr` and `ip -o link`. */
export function parseNetwork(addresses: string, links: string): NetworkFacts {
  const ip4: Record<string, string[]> = {};
  const ip6: Record<string, string[]> = {};
  const all: Record<string, string[]> = {};
  const hardware: Record<string, string> = {};
  for (const line of links.split('\n')) {
    const name = /^\d+:\s+([^:@\s]+)/.exec(line)?.[1];
    if (name === undefined) continue;
    for (const map of [ip4, ip6, all]) map[name] = [];
    const address = /\slink\/\S+\s+([0-9a-f:]{17})/.exec(line)?.[1];
    if (address !== undefined) hardware[name] = address;
  }
  for (const line of addresses.split('\n')) {
    const match = /^\d+:\s+(\S+)\s+(inet6?)\s+([^\s/]+)/.exec(line);
    if (match === null) continue;
    const [, name, kind, address] = match as unknown as [string, string, string, string];
    for (const map of [kind === 'inet' ? ip4 : ip6, all]) map[name] = [...(map[name] ?? []), address];
  }
  const flat = (map: Record<string, string[]>): string[] => [...new Set(Object.values(map).flat())];
  return {
    ipv4: flat(ip4),
    ipv6: flat(ip6),
    ip_interfaces: all,
    ip4_interfaces: ip4,
    ip6_interfaces: ip6,
    hwaddr_interfaces: hardware,
  };
}

/** Reads `resolv.conf(5)`. */
export function parseResolver(text: string): { nameservers: string[]; search: string[]; domain: string } {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const of = (word: string): string[] => lines.filter(([first]) => first === word).flatMap(([, ...rest]) => rest);
  return { nameservers: of('nameserver'), search: of('search'), domain: of('domain')[0] ?? '' };
}
