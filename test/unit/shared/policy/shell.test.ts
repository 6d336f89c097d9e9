import { effectiveCommands, parseShell, resolvePath, ShellSyntaxError } from '@edge-run/shared/policy/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const wordsOf = (line: string): string[][] =>
  parseShell(line).commands.map(({ words }) => words.map(({ text }) => text));
const effective = (line: string): string[][] =>
  effectiveCommands(line, { folder: undefined })
    .commands.filter(({ isWrapper }) => !isWrapper)
    .map(({ words }) => words.map(({ text }) => text));

const single = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const double = (text: string): string => `"${text.replace(/["\\$`]/g, '\\$&')}"`;
const escaped = (text: string): string => text.replace(/[^\n]/gu, '\\$&').replaceAll('\n', "'\n'");
const ansi = (text: string): string =>
  `$'${[...text].map((char) => `\\U${char.codePointAt(0)!.toString(16).padStart(8, '0')}`).join('')}'`;
const quotings = [single, double, escaped, ansi];
/** Any text, and one of the ways to write it so that a shell reads exactly that. */
const quotedWord = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.constantFrom(...quotings))
  .filter(([text]) => !text.includes('\0'))
  .map(([text, quote]) => ({ text, written: quote(text) }));
const command = fc.array(quotedWord, { minLength: 1, maxLength: 4 });
const written = (words: readonly { written: string }[]): string => words.map((word) => word.written).join(' ');
const texts = (words: readonly { text: string }[]): string[] => words.map((word) => word.text);

describe('shell lines', () => {
  it('reads words back however they are quoted', () => {
    fc.assert(fc.property(command, (words) => void expect(wordsOf(written(words))).toEqual([texts(words)])));
  });
  it('finds every command between any separators', () => {
    const separators = fc.constantFrom(';', '&&', '||', '|', '&', '\n', ' ;\n', ' # x\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(command, separators), { minLength: 1, maxLength: 4 }), (parts) => {
        // What joins commands wants another behind it.
        const behind = (separator: string, index: number): string =>
          index === parts.length - 1 && /^(\||&&)/.test(separator) ? '' : separator;
        const line = parts.map(([words, separator], index) => `${written(words)}${behind(separator, index)}`).join('');
        expect(wordsOf(line)).toEqual(parts.map(([words]) => texts(words)));
      }),
    );
  });
  it('finds a command in whatever it is put into', () => {
    const wrap = fc.constantFrom<(inner: string) => string>(
      (inner) => `( ${inner} )`,
      (inner) => `{ ${inner}\n}`,
      (inner) => `echo $( ${inner} )`,
      (inner) => `echo "x $( ${inner} ) y"`,
      (inner) => `echo \${x:-$( ${inner} )}`,
      (inner) => `sudo -n -u app sh -c ${single(inner)}`,
      (inner) => `env A=b timeout 5 bash -lc ${double(inner)}`,
      (inner) => `eval ${single(inner)}`,
      (inner) => `sh <<'end ${inner.length}'\n${inner}\nend ${inner.length}\n`,
      (inner) => `if true; then ${inner}\nfi`,
      (inner) => `for x in 1 2; do ${inner}\ndone`,
      (inner) => `case x in (a|b) ${inner}\n;; esac`,
      (inner) => `f() { ${inner}\n}`,
    );
    fc.assert(
      fc.property(command, fc.array(wrap, { maxLength: 4 }), (words, wraps) => {
        const target = ['target', ...texts(words)];
        const line = wraps.reduce((inner, put) => put(inner), `target ${written(words)}`);
        expect(effective(line)).toContainEqual(target);
      }),
    );
  });
  it('reads any text, or says that it cannot, and ends', () => {
    const nasty = fc.array(
      fc.constantFrom(
        '$',
        '(',
        ')',
        '{',
        '}',
        '`',
        "'",
        '"',
        '\\',
        '<',
        '>',
        '|',
        '&',
        ';',
        '\n',
        ' ',
        '#',
        '[[',
        ']]',
        'a',
        '1',
        '=',
        'case',
        'in',
        'esac',
        'if',
        'fi',
        'for',
        'do',
        'done',
        '<<E',
        'E',
        '~',
        '*',
        ',',
        'sh -c ',
        'find -exec ',
        'xargs ',
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(nasty, (parts) => {
        try {
          effectiveCommands(parts.join(''), { folder: '/' });
        } catch (error) {
          expect(error).toBeInstanceOf(ShellSyntaxError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
  it.each(['$('.repeat(20_000), '('.repeat(20_000), `${'env '.repeat(30)}x`, '$(('.repeat(500)])(
    'refuses what is nested beyond reason: %.20s',
    (line) => expect(() => effectiveCommands(line, { folder: undefined })).toThrow(ShellSyntaxError),
  );
  it('knows what it cannot know', () => {
    const [words] = parseShell('a $b "$c" \'$d\' e$(f) *.g ~/h')
      .commands.slice(-1)
      .map((found) => found.words);
    expect(words?.map(({ text, isKnown, isPattern }) => [text, isKnown, isPattern])).toEqual([
      ['a', true, false],
      ['$b', false, false],
      ['$c', false, false],
      ['$d', true, false],
      ['e$(f)', false, false],
      ['*.g', true, true],
      ['~/h', false, false],
    ]);
  });
});

describe('paths', () => {
  const part = fc.constantFrom('.', '..', 'a', 'b', '');
  it('never leads where taking `..` out would not', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const expected: string[] = [];
        for (const name of parts) {
          if (name === '..') expected.pop();
          else if (name !== '.' && name !== '') expected.push(name);
        }
        const word = { text: `/${parts.join('/')}`, isKnown: true, isPattern: false };
        expect(resolvePath(word, undefined)).toBe(`/${expected.join('/')}`);
      }),
    );
  });
});
