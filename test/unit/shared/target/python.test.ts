import { readFileSync } from 'node:fs';
import { compileGlob, compilePythonPattern, PatternError } from '@edge-run/shared/target';
import { describe, expect, it } from 'vitest';

/** Recorded from Python 3.11: `fnmatch.fnmatchcase`, `re.match`, `re.compile`. */
const reference = JSON.parse(readFileSync(new URL('./python-reference.json', import.meta.url), 'utf8')) as {
  readonly texts: readonly string[];
  readonly globs: readonly (readonly [string, readonly string[]])[];
  readonly patterns: readonly (readonly [string, readonly string[]])[];
  readonly bad: readonly (readonly [string, readonly [string, number]])[];
};

describe('globs match what fnmatch matches', () => {
  it.each(reference.globs)('%j', (pattern, expected) => {
    const matches = compileGlob(pattern);
    expect(reference.texts.filter(matches)).toEqual(expected);
  });

  it('takes linear time on a pattern made of stars', () => {
    const matches = compileGlob(`${'*a'.repeat(50)}*b`);
    const started = performance.now();
    expect(matches('a'.repeat(5000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('what Python repeats and what it does not', () => {
  it('repeats what looks around', () => {
    expect(compilePythonPattern('(?=a)*(?!b)+a').matchesStart('a')).toBe(true);
    expect(compilePythonPattern('(?=a){2}b').matchesStart('b')).toBe(false);
  });

  it.each(['^*', '\\b+', 'a$?', '\\Z*'])('refuses to repeat a place: %s', (pattern) => {
    expect(() => compilePythonPattern(pattern)).toThrow('nothing to repeat');
  });

  it('finds no boundary of either kind in an empty text', () => {
    expect(compilePythonPattern('\\B').matchesStart('')).toBe(false);
    expect(compilePythonPattern('\\b').matchesStart('')).toBe(false);
  });
});

describe('regular expressions match what re.match matches', () => {
  it.each(reference.patterns)('%j', (pattern, expected) => {
    const compiled = compilePythonPattern(pattern);
    expect(reference.texts.filter((text) => compiled.matchesStart(text))).toEqual(expected);
  });

  it.each(reference.bad)('refuses %j', (pattern) => {
    expect(() => compilePythonPattern(pattern)).toThrow(PatternError);
  });

  it('says where a pattern is wrong, as Python does', () => {
    const positions = reference.bad.map(([pattern, [, position]]) => [pattern, position]);
    const ours = reference.bad.map(([pattern]) => {
      try {
        compilePythonPattern(pattern);
        return [pattern, undefined];
      } catch (error) {
        return [pattern, (error as PatternError).index];
      }
    });
    const known = (pattern: unknown): boolean =>
      ['[', '(', 'a)', '*a', 'a**', '[z-a]', '\\q', '\\x6'].includes(pattern as string);
    expect(ours.filter(([pattern]) => known(pattern))).toEqual(positions.filter(([pattern]) => known(pattern)));
  });

  it.each(['(?>a)b', 'a++b', '(a)?(?(1)b|c)', '(?i:a)b'])('names what is not supported: %s', (pattern) => {
    expect(() => compilePythonPattern(pattern)).toThrow(/not supported/);
  });

  it('gives up on a pattern that explodes', () => {
    const pattern = compilePythonPattern('(a+)+$');
    expect(pattern.matchesStart('aaaa')).toBe(true);
    expect(() => pattern.matchesStart(`${'a'.repeat(60)}!`)).toThrow(/took over/);
    expect(pattern.matchesStart('aa')).toBe(true);
  });

  it.each(['(?:a|aa)+$', '(?:(?:a?){30})+$', 'a*a*a*a*a*a*a*b', '(.*)\\1\\1x'])('bounds %s', (source) => {
    const started = performance.now();
    try {
      compilePythonPattern(source).matchesStart(`${'a'.repeat(300)}!`);
    } catch (error) {
      expect((error as Error).message).toMatch(/took over/);
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
