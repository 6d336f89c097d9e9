import { type HostRuntime, topMatches } from '@edge-run/shared/execute';
import { silentLogger } from '@edge-run/shared/kernel';
import { PyMap } from '@edge-run/shared/values';
import type { CheckHost } from './hosts.ts';
import type { Workshop } from './workshop.ts';

/** Of hosts that top files give the same, so many are looked at. */
const OF_A_KIND = 3;
/** More hosts than this tell hardly anything more, and every one has a pillar to compile. */
const MOST_HOSTS = 40;

/**
 * The hosts that a check looks at: those of fixtures, and of the others a few of each kind that the top files of states
 * and pillars tell apart, the first of every kind before the second of any.
 */
export async function chooseHosts(workshop: Workshop, hosts: readonly CheckHost[]): Promise<readonly CheckHost[]> {
  const described = hosts.filter(({ isDescribed }) => isDescribed).slice(0, MOST_HOSTS);
  const kinds = new Map<string, CheckHost[]>();
  for (const host of hosts.filter(({ isDescribed }) => !isDescribed)) {
    const key = await kindOf(workshop, host);
    const kind = kinds.get(key) ?? [];
    kinds.set(key, kind);
    if (kind.length < OF_A_KIND) kind.push(host);
  }
  const rounds = Array.from({ length: OF_A_KIND }, (_, round) =>
    [...kinds.values()].flatMap((kind) => kind[round] ?? []),
  );
  return [...described, ...rounds.flat()].slice(0, MOST_HOSTS);
}

/** What tells hosts apart before their pillars are known: targets by pillar match nobody here. */
async function kindOf(workshop: Workshop, host: CheckHost): Promise<string> {
  const states = await namesFor(workshop, workshop.runtimeOf(host, new PyMap()));
  const pillars = await namesFor(workshop, workshop.pillarRuntimeOf(host));
  return JSON.stringify([host.pillarenv ?? '', states, pillars]);
}

async function namesFor({ signal }: Workshop, runtime: HostRuntime): Promise<readonly unknown[]> {
  try {
    const place = await runtime.workplace({ signal, log: silentLogger });
    return [...((await topMatches(runtime, place)).value ?? [])];
  } catch {
    // A top file that cannot be read gives nobody anything; it is reported when it is compiled for a host.
    return [];
  }
}
