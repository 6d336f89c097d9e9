/*
 * Globs as Python's fnmatch reads them: `*`, `?`, `[seq]`, `[!seq]`, nothing else. No escapes, no braces, `*` crosses
 * every character. Matched without a regular expression, so that no pattern can be slow.
 */

type Token =
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly kind: 'char'; readonly code: number };

/** True when the text has a character fnmatch treats as more than itself. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

/** A predicate for whole texts, case-sensitive (Python `fnmatch.fnmatchcase`). */
export function compileGlob(pattern: string): (text: string) => boolean {
  const tokens = tokenize(Array.from(pattern, codeOf));
  return (text) => matches(tokens, Array.from(text, codeOf));
}

/** One-off match; compile the glob where it is used more than once. */
export function globMatches(pattern: string, text: string): boolean {
  return compileGlob(pattern)(text);
}

function codeOf(char: string): number {
  return char.codePointAt(0)!;
}

const STAR = codeOf('*');
const QUESTION = codeOf('?');
const OPEN = codeOf('[');
const CLOSE = codeOf(']');
const BANG = codeOf('!');
const DASH = codeOf('-');

function tokenize(pattern: readonly number[]): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const code = pattern[at]!;
    at += 1;
    if (code === STAR) {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (code === QUESTION) tokens.push({ kind: 'any' });
    else if (code === OPEN) {
      const end = endOfClass(pattern, at);
      if (end === undefined) tokens.push({ kind: 'char', code });
      else {
        tokens.push(classOf(pattern.slice(at, end)));
        at = end + 1;
      }
    } else tokens.push({ kind: 'char', code });
  }
  return tokens;
}

/** Index of the `]` that closes a class opened before `start`; a `]` in first place is a member. */
function endOfClass(pattern: readonly number[], start: number): number | undefined {
  let at = start;
  if (pattern[at] === BANG) at += 1;
  if (pattern[at] === CLOSE) at += 1;
  while (at < pattern.length && pattern[at] !== CLOSE) at += 1;
  return at < pattern.length ? at : undefined;
}

function classOf(body: readonly number[]): Token {
  const negated = body[0] === BANG;
  const members = negated ? body.slice(1) : body;
  const ranges: [number, number][] = [];
  let at = 0;
  while (at < members.length) {
    const from = members[at]!;
    if (members[at + 1] === DASH && at + 2 < members.length) {
      // A range that runs backwards holds nothing, as in Python.
      ranges.push([from, members[at + 2]!]);
      at += 3;
    } else {
      ranges.push([from, from]);
      at += 1;
    }
  }
  return { kind: 'class', negated, ranges };
}

/** Walks both texts, going back to the last star only: enough for globs, and never worse than quadratic. */
function matches(tokens: readonly Token[], text: readonly number[]): boolean {
  let token = 0;
  let at = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < text.length) {
    const current = tokens[token];
    if (current?.kind === 'star') {
      starToken = token;
      starAt = at;
      token += 1;
    } else if (current !== undefined && accepts(current, text[at]!)) {
      token += 1;
      at += 1;
    } else if (starToken >= 0) {
      starAt += 1;
      at = starAt;
      token = starToken + 1;
    } else return false;
  }
  while (tokens[token]?.kind === 'star') token += 1;
  return token === tokens.length;
}

function accepts(token: Token, code: number): boolean {
  switch (token.kind) {
    case 'any':
      return true;
    case 'char':
      return token.code === code;
    case 'class':
      return token.ranges.some(([from, to]) => from <= code && code <= to) !== token.negated;
    case 'star':
      return false;
  }
}
