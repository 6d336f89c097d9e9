import type { SourceRange } from '../kernel/index.ts';
import type { RenderedData } from '../render/index.ts';
import { PyMap, traverse, type Value } from '../values/index.ts';

/** One contribution to a pillar, before it was merged with the others. */
export interface PillarLayer {
  /** `base: web/init.sls`, `external: vault`, `command line`. */
  readonly source: string;
  /** Keys an include put the contribution below. */
  readonly prefix: readonly string[];
  readonly data: PyMap;
  readonly rendered?: RenderedData;
}

/** A contribution to one value. */
export interface PillarOrigin {
  readonly source: string;
  readonly value: Value;
  readonly place?: SourceRange;
}

/**
 * Says where the value at a path comes from: every contribution in the order they were merged, so the last one decides
 * (or, for mappings and joined lists, adds to those before it). Empty: nothing gave that path.
 */
export function explainPillar(layers: readonly PillarLayer[], path: string, delimiter = ':'): readonly PillarOrigin[] {
  return layers.flatMap((layer) => originIn(layer, path, delimiter) ?? []);
}

function originIn(layer: PillarLayer, path: string, delimiter: string): PillarOrigin | undefined {
  const steps = path.split(delimiter);
  const { prefix, source, data, rendered } = layer;
  if (!prefix.slice(0, steps.length).every((key, index) => steps[index] === key)) return undefined;
  const below = steps.slice(prefix.length);
  if (below.length === 0) {
    return {
      source,
      value: prefix.slice(steps.length).reduceRight<Value>((inner, key) => new PyMap([[key, inner]]), data),
    };
  }
  const value = traverse(data, below.join(delimiter), delimiter);
  if (value === undefined) return undefined;
  if (rendered === undefined) return { source, value };
  // Places are kept by container; at the top that is the file's own mapping, includes and all.
  const container = below.length === 1 ? rendered.value : traverse(data, below.slice(0, -1).join(delimiter), delimiter);
  const key = below.at(-1)!;
  const place = rendered.placeOf(container ?? null, Array.isArray(container) ? Number(key) : key);
  return place === undefined ? { source, value } : { source, value, place };
}
