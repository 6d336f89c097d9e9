import { RE2JS } from 're2js';
import { LimitFault, PyFault } from './fault.ts';
import { END_OR_FINAL_FEED, type TranslatedPattern, translatePattern } from './regex-syntax.ts';

/** Python's flags that Salt's filters have. */
export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
}

/** A match: where, and the groups (`null` for those that took no part). */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | null)[];
  readonly names: readonly (string | undefined)[];
}

/** Steps a backtracking engine may be expected to take before a linear-time one is used instead. */
const MAX_STEPS = 5_000_000;

/*
 * Patterns come from templates and cannot be trusted: a backtracking engine can take longer than the universe over one
 * of twenty characters and cannot be interrupted. JavaScript's own engine therefore runs only patterns whose worst
 * case, judged by their repetitions and the length of the text, is harmless. All others run in RE2 (linear time); a
 * pattern that needs look-around or back-references besides is refused.
 */
function matcher(pattern: TranslatedPattern, text: string): Iterable<RegexMatch> {
  const steps = pattern.nested ? 2 ** Math.min(text.length, 60) : (text.length + 1) ** (pattern.repeats + 1);
  if (steps <= MAX_STEPS) return backtracking(pattern, text);
  if (!pattern.needsBacktracking) return linear(pattern, text);
  if (!pattern.nested && pattern.repeats <= 1) return backtracking(pattern, text);
  throw new LimitFault(
    'the regular expression could take too long on this text',
    'Use fewer repetitions, or none inside another, or no look-around and back-references.',
  );
}

function* backtracking(pattern: TranslatedPattern, text: string): Generator<RegexMatch> {
  let compiled: RegExp;
  try {
    compiled = new RegExp(pattern.source, `gu${pattern.ignoreCase ? 'i' : ''}${pattern.multiline ? 'm' : ''}d`);
  } catch (cause) {
    throw Object.assign(new PyFault('error', 'the regular expression is not valid'), { cause });
  }
  for (const match of text.matchAll(compiled)) {
    const groups = match.slice(1).map((group) => group ?? null);
    yield { start: match.index, end: match.index + match[0].length, groups, names: pattern.groups };
  }
}

function* linear(pattern: TranslatedPattern, text: string): Generator<RegexMatch> {
  const flags = (pattern.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (pattern.multiline ? RE2JS.MULTILINE : 0);
  let found: ReturnType<ReturnType<typeof RE2JS.compile>['matcher']>;
  try {
    found = RE2JS.compile(
      pattern.source
        .replace(/\\u([\da-f]{4})/gi, '\\x{$1}')
        .replaceAll('\\/', '/')
        .replaceAll(END_OR_FINAL_FEED, '$'),
      flags,
    ).matcher(text);
  } catch (cause) {
    throw Object.assign(new PyFault('error', 'the regular expression is not valid'), { cause });
  }
  while (found.find()) {
    const groups = pattern.groups.map((_, at) => found.group(at + 1) ?? null);
    yield { start: found.start(), end: found.end(), groups, names: pattern.groups };
  }
}

/** Python's `re.search` or `re.match`. */
export function regexMatch(
  pattern: string,
  text: string,
  flags: RegexFlags,
  how: 'search' | 'match',
): RegexMatch | undefined {
  const translated = translatePattern(pattern, flags);
  // In multiline mode `^` would match behind every line feed; there the first match decides.
  const anchored = how === 'match' && !translated.multiline;
  const usable = anchored ? { ...translated, source: `^(?:${translated.source})` } : translated;
  for (const match of matcher(usable, text)) {
    if (how === 'search' || match.start === 0) return match;
    if (match.start > 0) return undefined;
  }
  return undefined;
}

/** Python's `re.sub`, with its references to groups in the replacement. */
export function regexReplace(pattern: string, replacement: string, text: string, flags: RegexFlags): string {
  const template = parseReplacement(replacement);
  let out = '';
  let at = 0;
  for (const match of matcher(translatePattern(pattern, flags), text)) {
    out += text.slice(at, match.start);
    for (const part of template) out += typeof part === 'string' ? part : groupOf(match, part, text);
    at = match.end;
  }
  return out + text.slice(at);
}

type Part = string | { readonly group: string };

function groupOf(match: RegexMatch, { group }: { readonly group: string }, text: string): string {
  if (group === '0') return text.slice(match.start, match.end);
  const at = /^\d+$/.test(group) ? Number(group) - 1 : match.names.indexOf(group);
  if (at < 0 || at >= match.groups.length) {
    throw /^\d+$/.test(group)
      ? new PyFault('error', `invalid group reference ${group}`)
      : new PyFault('IndexError', `unknown group name '${group}'`);
  }
  return match.groups[at] ?? '';
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\x07',
  b: '\b',
  '\\': '\\',
};

function parseReplacement(replacement: string): Part[] {
  const parts: Part[] = [];
  const pattern = /\\(?:g<(\w+)>|(\d{1,2})|([\s\S]|$))|[^\\]+/g;
  for (const match of replacement.matchAll(pattern)) {
    const group = match[1] ?? match[2];
    if (group !== undefined) parts.push({ group: match[2] === undefined ? group : String(Number(group)) });
    else if (match[3] === undefined) parts.push(match[0]);
    else if (ESCAPES[match[3]] !== undefined) parts.push(ESCAPES[match[3]]!);
    else if (/[a-zA-Z]/.test(match[3]))
      throw new PyFault('error', `bad escape \\${match[3]} at position ${match.index}`);
    else parts.push(match[0]);
  }
  return parts;
}

/** Python's `re.escape`. */
export function regexEscape(text: string): string {
  return text.replace(/[-\s#&~()[\]{}?*+|^$\\.]/g, (character) => `\\${character}`);
}
