import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DiagnosticsError } from '@edge-run/shared/kernel';
import { loadYaml } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { Fixtures } from './fixtures.ts';
import { grainsOf } from './made-up-grains.ts';
import type { CheckedTree } from './tree.ts';

/** A host that templates are rendered for. */
export interface CheckHost {
  readonly id: string;
  readonly grains: PyMap;
  readonly pillarenv: string | undefined;
  /** Its pillar, where a fixture says it; compiled from the pillar roots when absent. */
  readonly pillar: PyMap | undefined;
  /** False for one that stands for hosts nobody has named: what it lacks, others may have. */
  readonly isKnown: boolean;
  /** True for one that a fixture describes. */
  readonly isDescribed: boolean;
}

/** Id of the host that stands for those nobody has named. */
const SOMEBODY = 'minion';

/**
 * The hosts of a tree: those of its fixtures, of its roster, and those its pillars declare under `hosts`. Where there
 * are none, one that is made up.
 */
export function hostsOf(
  tree: CheckedTree,
  fixtures: Fixtures,
  /** pillarenv → pillar of the master */
  pillars: ReadonlyMap<string | undefined, PyMap>,
): readonly CheckHost[] {
  const environments = Object.keys(tree.settings.pillar_roots);
  const hosts = new Map<string, CheckHost>();
  const add = (id: string, known: PyMap, pillarenv: string | undefined, pillar?: PyMap): void => {
    if (hosts.has(id)) return;
    const grains = grainsOf(id, known);
    const environment = grains.get('environment');
    const own = typeof environment === 'string' && environments.includes(environment) ? environment : pillarenv;
    const isDescribed = fixtures.grains.has(id) || fixtures.pillars.has(id);
    hosts.set(id, { id, grains, pillarenv: own, pillar, isKnown: true, isDescribed });
  };
  for (const [name, grains] of fixtures.grains) {
    const id = grains.get('id');
    add(typeof id === 'string' ? id : name, grains, undefined, fixtures.pillars.get(name));
  }
  for (const [name, pillar] of fixtures.pillars) if (!name.includes('.')) add(name, new PyMap(), undefined, pillar);
  for (const [pillarenv, pillar] of pillars) {
    const declared = pillar.get('hosts');
    for (const [id, host] of declared instanceof PyMap ? declared : []) {
      if (typeof id === 'string' && host instanceof PyMap) add(id, declaredGrains(host, pillarenv), pillarenv);
    }
  }
  for (const id of rosterIds(tree)) add(id, new PyMap(), undefined);
  if (hosts.size > 0) return [...hosts.values()];
  return [
    {
      id: SOMEBODY,
      grains: grainsOf(SOMEBODY),
      pillarenv: undefined,
      pillar: undefined,
      isKnown: false,
      isDescribed: false,
    },
  ];
}

/** The grains that `cloud.provision` gives a host of a pillar. */
function declaredGrains(host: PyMap, environment: string | undefined): PyMap {
  const own = host.get('grains');
  const role = host.get('role');
  return new PyMap([
    ...(role === undefined ? [] : [['role', role] as const]),
    ...(environment === undefined ? [] : [['environment', environment] as const]),
    ...(own instanceof PyMap ? own : []),
  ]);
}

/** Ids of a roster file; none where it is written with templates or is no YAML. */
function rosterIds({ config, configFile }: CheckedTree): readonly string[] {
  if (typeof config.roster !== 'string' || configFile === undefined) return [];
  const file = resolve(dirname(configFile), config.roster);
  if (!existsSync(file)) return [];
  try {
    const roster = loadYaml(readFileSync(file, 'utf8'), file);
    return roster instanceof PyMap ? [...roster.keys()].map(String) : [];
  } catch (error) {
    if (error instanceof DiagnosticsError) return [];
    throw error;
  }
}

/** The master, as orchestrations are rendered for it. */
export function masterHost(tree: CheckedTree, pillarenv: string | undefined): CheckHost {
  const id = typeof tree.config.id === 'string' ? tree.config.id : 'master';
  return {
    id,
    grains: grainsOf(id, fromPlain({}) as PyMap),
    pillarenv,
    pillar: undefined,
    isKnown: true,
    isDescribed: false,
  };
}
