import { z } from 'zod';
import { pythonRegex } from '../text/index.ts';

/** One pattern or several, as arguments such as `exclude_pat` take them. */
export const patternList = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((value) => (typeof value === 'string' ? [value] : (value ?? [])));

/** True when a relative path is meant: it matches one of `include`, where there are any, and none of `exclude`. */
export function isIncluded(path: string, include: readonly string[], exclude: readonly string[]): boolean {
  return (include.length === 0 || matchesAny(path, include)) && !matchesAny(path, exclude);
}

/** True when a relative path matches a shell pattern, or the expression behind `E@`, anywhere in it (Salt 3006 utils/stringutils.py). */
export function matchesAny(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.startsWith('E@')
      ? path.search(pythonRegex(pattern.slice(2))) !== -1
      : new RegExp(`^${shellPattern(pattern)}$`, 's').test(path),
  );
}

/** As Python's fnmatch: a star crosses slashes. */
function shellPattern(pattern: string): string {
  return pattern
    .replace(/[\\^$.+(){}|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^');
}
