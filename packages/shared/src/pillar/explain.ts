import type { SourceRange } from '../kernel/index.ts';
import type { RenderedData } from '../render/index.ts';
import { PyMap, traverse, type Value, valuesEqual } from '../values/index.ts';

/** One contribution to a pillar, before it was merged with the others. */
export interface PillarLayer {
  /** `base: web/init.sls`, `external: vault`, `command line`. */
  readonly source: string;
  /** Environment of a file. */
  readonly environment?: string;
  /** Keys an include put the contribution below. */
  readonly prefix: readonly string[];
  readonly data: PyMap;
  readonly rendered?: RenderedData;
}

/** A contribution to one value. */
export interface PillarOrigin {
  readonly source: string;
  readonly environment?: string;
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

/** What became of a contribution: `wins` decides, `adds` is a part of what came out, `overridden` is gone. */
export type PillarEffect = 'wins' | 'adds' | 'overridden';

/** Says of every contribution to a value what became of it, given what came out; undefined when nothing did. */
export function judgeOrigins(origins: readonly PillarOrigin[], result: Value | undefined): readonly PillarEffect[] {
  return origins.map(({ value }, index) => {
    if (result === undefined) return 'overridden';
    const isLast = index === origins.length - 1;
    if (!isPart(value, result)) return isLast ? 'wins' : 'overridden';
    if (isLast) return 'wins';
    // The same scalar said twice: the later one is why it is so.
    return value instanceof PyMap || Array.isArray(value) || Array.isArray(result) ? 'adds' : 'overridden';
  });
}

/** Whether something of a value is left in what came out. */
function isPart(value: Value, result: Value): boolean {
  if (value instanceof PyMap && result instanceof PyMap) {
    return value.size === 0 || [...value].some(([key, item]) => result.has(key) && isPart(item, result.get(key)!));
  }
  if (Array.isArray(value) && Array.isArray(result)) {
    return value.every((item) => result.some((other) => valuesEqual(item, other)));
  }
  // The strategy `list` pairs values up.
  return valuesEqual(value, result) || (Array.isArray(result) && result.some((other) => isPart(value, other)));
}

function originIn(layer: PillarLayer, path: string, delimiter: string): PillarOrigin | undefined {
  const found = valueIn(layer, path, delimiter);
  return found && layer.environment !== undefined ? { ...found, environment: layer.environment } : found;
}

function valueIn(layer: PillarLayer, path: string, delimiter: string): PillarOrigin | undefined {
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
