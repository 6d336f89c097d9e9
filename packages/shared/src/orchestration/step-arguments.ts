import { Secret } from '../kernel/index.ts';
import { PyMap, type Value } from '../values/index.ts';

interface TargetArguments {
  readonly tgt: string | string[];
  readonly tgt_type?: string | undefined;
  readonly expr_form?: string | undefined;
}

/** The target of a step as expression and type; a list is one of ids, or of the words of a compound target. */
export function targetOf(args: TargetArguments): { target: string; targetType: string } {
  const targetType = args.tgt_type ?? args.expr_form ?? 'glob';
  if (!Array.isArray(args.tgt)) return { target: args.tgt, targetType };
  return targetType === 'compound'
    ? { target: args.tgt.join(' '), targetType }
    : { target: args.tgt.join(','), targetType: 'list' };
}

/** Positional arguments as `arg` gives them. */
export function positional(arg: Value | undefined): readonly Value[] {
  if (arg === undefined || arg === null) return [];
  if (typeof arg === 'string') return arg.split(/\s+/).filter((word) => word !== '');
  if (arg instanceof Secret && arg.type === 'text') return secretWords(arg);
  return Array.isArray(arg) ? arg : [arg];
}

/** The words of a text with secrets in it; a secret that has blanks itself makes each of them one. */
function secretWords(arg: Secret): readonly Value[] {
  const parts = arg.revealParts();
  const isWhole = parts.length === 0 || parts.some((part) => /\s/.test(part));
  return arg
    .reveal()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const held = isWhole ? [word] : parts.filter((part) => word.includes(part));
      return held.length === 0 ? word : new Secret(word, 'text', held);
    });
}

/** Keyword arguments as `kwarg` gives them. */
export function keywords(kwarg: Value | undefined): ReadonlyMap<string, Value> {
  return kwarg instanceof PyMap ? new Map([...kwarg].map(([key, value]) => [String(key), value])) : new Map();
}

/** Positional arguments as written: a list, one value, or none. */
export function positionalOf(arg: Value | undefined): readonly Value[] {
  if (arg === undefined || arg === null) return [];
  return Array.isArray(arg) ? arg : [arg];
}

/** Keyword arguments out of several mappings; a later one wins. */
export function keywordsOf(...maps: readonly (Value | undefined)[]): ReadonlyMap<string, Value> {
  const merged = new Map<string, Value>();
  for (const map of maps) if (map instanceof PyMap) for (const [key, value] of map) merged.set(String(key), value);
  return merged;
}
