import { posix } from 'node:path';
import type { Word } from './shell-script.ts';

/**
 * The absolute path a word means in a folder, without `.`, `..` and double slashes; undefined where that cannot be told
 * beforehand. Links are not followed: what they lead to is known only on the host.
 */
export function resolvePath({ text, isKnown, isPattern }: Word, folder: string | undefined): string | undefined {
  if (!isKnown || text === '') return undefined;
  // `.*` finds `..` too in some shells.
  if (isPattern && /(^|\/)\.[^/]*[*?[]/.test(text)) return undefined;
  if (!text.startsWith('/') && folder === undefined) return undefined;
  const path = posix.normalize(posix.join(text.startsWith('/') ? '/' : (folder ?? '/'), text));
  return path.length > 1 ? path.replace(/\/$/, '') : path;
}

/** True when a path is matched: `*` and `?` within one part, `**` over several, a trailing `/` for everything below. */
export function pathMatches(pattern: string, path: string): boolean {
  const below = pattern.endsWith('/') ? `${pattern}**` : pattern;
  const source = below.replace(/\*\*|[*?]|[.+^${}()|[\]\\]/g, (found) => {
    if (found === '**') return '.+';
    if (found === '*') return '[^/]*';
    return found === '?' ? '[^/]' : `\\${found}`;
  });
  return new RegExp(`^${source}$`, 's').test(path);
}
