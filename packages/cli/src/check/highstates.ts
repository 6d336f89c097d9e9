import { topMatches } from '@edge-run/shared/execute';
import { type Diagnostic, type SourceRange, silentLogger } from '@edge-run/shared/kernel';
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

/** What the top files give the hosts, compiled, and one host of each kind for files nobody is given. */
export interface Highstates {
  readonly units: readonly Unit[];
  readonly diagnostics: readonly Diagnostic[];
  readonly representatives: readonly EquippedHost[];
}

/** Compiles the highstates of hosts. */
export async function compileHighstates(workshop: Workshop, hosts: readonly EquippedHost[]): Promise<Highstates> {
  const diagnostics: Diagnostic[] = [];
  const kinds = new Map<string, { readonly given: Given; readonly hosts: EquippedHost[] }>();
  for (const equipped of hosts) {
    const given = await matchesOf(workshop, equipped, diagnostics);
    const key = JSON.stringify([equipped.host.pillarenv ?? '', [...given.matches]]);
    const kind = kinds.get(key) ?? { given, hosts: [] };
    kinds.set(key, kind);
    kind.hosts.push(equipped);
  }
  const units: Unit[] = [];
  for (const { given, hosts: some } of kinds.values()) {
    const { matches } = given;
    if (matches.size === 0) continue;
    for (const equipped of some) {
      const unit = await compileUnit(workshop, { kind: 'highstate', ...equipped, matches });
      units.push({ ...unit, diagnostics: unit.diagnostics.map((problem) => atItsEntry(problem, given)) });
    }
  }
  return { units, diagnostics, representatives: [...kinds.values()].map((kind) => kind.hosts[0]!) };
}

/** What a host is given, and where the top files say so. */
interface Given {
  readonly matches: SlsMatches;
  readonly placeOf?: (env: string, sls: string) => SourceRange | undefined;
}

/** An SLS that a top file asks for and that is not there is a mistake of the top file. */
function atItsEntry(problem: Diagnostic, { matches, placeOf }: Given): Diagnostic {
  if (problem.code !== 'EDGE_SLS_NOT_FOUND' || problem.source !== undefined) return problem;
  for (const [env, names] of matches) {
    const asked = names.find((name) => problem.summary.includes(`'${name}' in env '${env}'`));
    const source = asked === undefined ? undefined : placeOf?.(env, asked);
    if (source !== undefined) return { ...problem, source };
  }
  return problem;
}

async function matchesOf(
  workshop: Workshop,
  { host, pillar }: EquippedHost,
  diagnostics: Diagnostic[],
): Promise<Given> {
  try {
    const runtime = workshop.runtimeOf(host, pillar);
    const place = await runtime.workplace({ signal: workshop.signal, log: silentLogger });
    const matched = await topMatches(runtime, place);
    diagnostics.push(...matched.diagnostics);
    return { ...matched, matches: matched.value ?? new Map() };
  } catch (error) {
    diagnostics.push(...problemsOf(error));
    return { matches: new Map() };
  }
}
