import { mergeMaps } from '@edge-run/shared/pillar';
import { STEP_DECLARATIONS } from '@edge-run/shared/protocol';
import type { SlsMatches } from '@edge-run/shared/state';
import type { PyMap } from '@edge-run/shared/values';
import type { EquippedHost } from './highstates.ts';
import { isDataFailure } from './relax.ts';
import { compileUnit, type Unit } from './unit.ts';
import type { Workshop } from './workshop.ts';

/** An SLS that no top file gives anybody. */
export interface LoneFile {
  readonly sls: string;
  readonly env: string;
  readonly path: string;
  readonly text: string;
}

/** Hosts tried until one has the data a file needs. */
const MOST_TRIES = 4;
const STEPS = new RegExp(
  `^\\s*(?:${STEP_DECLARATIONS.map(({ name }) => name.replace('.', '\\.')).join('|')})\\s*:`,
  'm',
);

/** True for a file of the orchestrations, and for one that has steps in it. */
export function isOrchestration({ path, text }: Pick<LoneFile, 'path' | 'text'>): boolean {
  return path.startsWith('orch/') || STEPS.test(text);
}

/** Compiles an SLS by itself for the first host that has the data for it; for the first of all where none has. */
export async function compileLone(
  workshop: Workshop,
  file: LoneFile,
  hosts: readonly EquippedHost[],
): Promise<Unit | undefined> {
  let first: Unit | undefined;
  for (const equipped of hosts.slice(0, MOST_TRIES)) {
    const unit = await compileUnit(workshop, { kind: 'sls', ...equipped, matches: matchesOf(file) });
    if (!unit.diagnostics.some(isDataFailure)) return unit;
    first ??= unit;
  }
  return first;
}

/**
 * Compiles an orchestration for the master in each pillar environment that has the data for it; in the first where none
 * has: some orchestrations are for one environment only.
 */
export async function compileOrchestrations(
  workshop: Workshop,
  file: LoneFile,
  masters: readonly EquippedHost[],
  overlay: PyMap | undefined,
): Promise<readonly Unit[]> {
  const units: Unit[] = [];
  for (const { host, pillar } of masters) {
    const own = overlay === undefined ? pillar : mergeMaps(pillar, overlay, false);
    units.push(await compileUnit(workshop, { kind: 'orchestration', host, pillar: own, matches: matchesOf(file) }));
  }
  const readable = units.filter(({ diagnostics }) => !diagnostics.some(isDataFailure));
  return readable.length > 0 ? readable : units.slice(0, 1);
}

function matchesOf({ sls, env }: LoneFile): SlsMatches {
  return new Map([[env, [sls]]]);
}
