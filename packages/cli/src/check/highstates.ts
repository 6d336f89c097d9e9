import { topMatches } from '@edge-run/shared/execute';
import { type Diagnostic, silentLogger } from '@edge-run/shared/kernel';
import type { SlsMatches } from '@edge-run/shared/state';
import type { PyMap } from '@edge-run/shared/values';
import type { CheckHost } from './hosts.ts';
import { compileUnit, problemsOf, type Unit } from './unit.ts';
import type { Workshop } from './workshop.ts';

/** A host with its pillar. */
export interface EquippedHost {
  readonly host: CheckHost;
  readonly pillar: PyMap;
}

/** Of hosts that are given the same files, so many are looked at. */
const OF_A_KIND = 3;

/** What the top files give the hosts, compiled, and one host of each kind for files nobody is given. */
export interface Highstates {
  readonly units: readonly Unit[];
  readonly diagnostics: readonly Diagnostic[];
  readonly representatives: readonly EquippedHost[];
}

/** Compiles the highstates of hosts; of those that the top files give the same, the first few. */
export async function compileHighstates(workshop: Workshop, hosts: readonly EquippedHost[]): Promise<Highstates> {
  const diagnostics: Diagnostic[] = [];
  const kinds = new Map<string, { readonly matches: SlsMatches; readonly hosts: EquippedHost[] }>();
  for (const equipped of hosts) {
    const matches = await matchesOf(workshop, equipped, diagnostics);
    const key = JSON.stringify([equipped.host.pillarenv ?? '', [...matches]]);
    const kind = kinds.get(key) ?? { matches, hosts: [] };
    kinds.set(key, kind);
    if (kind.hosts.length < OF_A_KIND || equipped.host.pillar !== undefined) kind.hosts.push(equipped);
  }
  const units: Unit[] = [];
  for (const { matches, hosts: some } of kinds.values()) {
    if (matches.size === 0) continue;
    for (const equipped of some) units.push(await compileUnit(workshop, { kind: 'highstate', ...equipped, matches }));
  }
  return { units, diagnostics, representatives: [...kinds.values()].map((kind) => kind.hosts[0]!) };
}

async function matchesOf(
  workshop: Workshop,
  { host, pillar }: EquippedHost,
  diagnostics: Diagnostic[],
): Promise<SlsMatches> {
  try {
    const runtime = workshop.runtimeOf(host, pillar);
    const place = await runtime.workplace({ signal: workshop.signal, log: silentLogger });
    const matched = await topMatches(runtime, place);
    diagnostics.push(...matched.diagnostics);
    return matched.value ?? new Map();
  } catch (error) {
    diagnostics.push(...problemsOf(error));
    return new Map();
  }
}
