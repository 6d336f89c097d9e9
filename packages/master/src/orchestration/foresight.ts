import type { Catalog } from '@edge-run/shared/modules/contract';
import type { ForeseenStep, ForeseenWorld } from '@edge-run/shared/protocol';
import { decodeValue, PyMap } from '@edge-run/shared/values';
import type { RunRecord } from './run-record.ts';

/** What a step of a plan knows of what earlier steps would do. */
export interface Foresight {
  /** Functions that hosts have: those that only look change nothing. */
  readonly functions: Catalog['functions'];
  /** True where arguments hold values that come only with earlier steps; they stand there as their expressions. */
  readonly isLate: boolean;
  /** Hosts that are not there yet and that an earlier step brings up → their grains. */
  readonly coming: ReadonlyMap<string, PyMap>;
  /** What earlier steps leave behind: `lb/shop/app1` → `disabled`. */
  readonly leaves: ReadonlyMap<string, string>;
  /** Host → ids of earlier steps that would act on it, so that what is found there now may not be what is found then. */
  readonly touched: ReadonlyMap<string, readonly string[]>;
  /** The same for the plans of nested orchestrations. */
  readonly world: ForeseenWorld;
}

/** A world in which nothing has been foreseen. */
const NOTHING_FORESEEN: ForeseenWorld = { brings: {}, leaves: {}, touched: {}, shaken: [], depth: 0 };

/** What the steps of a plan that have been looked at would leave behind, over what was known when it began. */
export function foreseenWorldOf(record: RunRecord): ForeseenWorld {
  const { brings, leaves, touched, shaken, depth } = record.foreseen ?? NOTHING_FORESEEN;
  const world = { brings: { ...brings }, leaves: { ...leaves }, depth };
  const touches = new Map(Object.entries(touched).map(([host, steps]) => [host, [...steps]]));
  const shakes = new Set(shaken);
  const { nodes, runNodes } = record.state.graph;
  for (const [step, { foreseen }] of record.answers) {
    if (foreseen === undefined) continue;
    Object.assign(world.brings, foreseen.brings);
    Object.assign(world.leaves, foreseen.leaves);
    const id = nodes[runNodes.get(step) ?? -1]?.chunk.id ?? step;
    for (const host of touchedBy(foreseen)) {
      const known = touches.get(host);
      if (known === undefined) touches.set(host, [id]);
      else known.push(id);
      if (isShaking(foreseen)) shakes.add(host);
    }
  }
  return { ...world, touched: Object.fromEntries(touches), shaken: [...shakes] };
}

/** The foresight for the next step of a plan. */
export function foresightOf(
  record: RunRecord,
  { functions, isLate }: Pick<Foresight, 'functions' | 'isLate'>,
): Foresight {
  const world = foreseenWorldOf(record);
  return {
    ...{ functions, isLate, world },
    coming: new Map(Object.entries(world.brings).map(([id, grains]) => [id, grainsOf(decodeValue(grains))])),
    leaves: new Map(Object.entries(world.leaves)),
    touched: new Map(Object.entries(world.touched)),
  };
}

/** States do more than what their names say; of a function that can be foreseen all is known. */
function isShaking({ effect, calls = [] }: ForeseenStep): boolean {
  return effect === 'unknown' || calls.some(({ fun }) => fun.startsWith('state.'));
}

/** Hosts on which a step would change something, or may. */
function touchedBy({ effect, calls = [], touches = [] }: ForeseenStep): readonly string[] {
  if (effect === 'nothing') return [];
  return [...new Set([...calls.flatMap(({ hosts = [] }) => hosts), ...touches])];
}

function grainsOf(value: unknown): PyMap {
  return value instanceof PyMap ? value : new PyMap();
}
