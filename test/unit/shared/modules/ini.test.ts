import { decodeText, encodeText, IniText, splitLines } from '@edge-run/shared/modules/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const read = (text: string, separator = '=', noSpaces = false) => new IniText(text, { separator, noSpaces });
const edited = (text: string, edit: (ini: IniText) => unknown, separator = '=', noSpaces = false): string => {
  const ini = read(text, separator, noSpaces);
  edit(ini);
  return ini.toString();
};

const PASTE = `# a pipeline
debug = true
; ours

[main]
use = egg:Paste#urlmap
  /: root
\t/v1: api
#timeout = 30
port=80
plain-word

# about the next
[other]
port : 90
`;

describe('INI texts', () => {
  it('options: of a section and before all of them, with the lines that belong to a value', () => {
    const ini = read(PASTE);
    expect(ini.sections()).toEqual(['main', 'other']);
    expect([...ini.options(undefined)!]).toEqual([['debug', 'true']]);
    expect([...ini.options('main')!]).toEqual([
      ['use', 'egg:Paste#urlmap\n  /: root\n\t/v1: api'],
      ['port', '80'],
    ]);
    expect([...ini.options('other')!]).toEqual([]);
    expect(ini.options('none')).toBeUndefined();
    expect([...read('[a]\nx 1\n\ty = 2\n', ' ').options('a')!]).toEqual([['x', '1\n\ty = 2']]);
    expect([...read('[core]\n\tbare = false\n\tname = x\n').options('core')!]).toEqual([
      ['bare', 'false'],
      ['name', 'x'],
    ]);
    expect([...read('\uFEFF[a]\r\nx = 1\r\n').options('a')!]).toEqual([['x', '1']]);
    expect([...read('[a]\nx = 1\n[b]\n[a]\nx = 2\n').options('a')!]).toEqual([['x', '2']]);
  });

  const cases: readonly [what: string, text: string, edit: (ini: IniText) => unknown, expected: string][] = [
    ['the form of a line stays', 'a=1\nb  =  2  \n', (ini) => ini.set(undefined, 'a', '3'), 'a=3\nb  =  2  \n'],
    ['no line end at the end stays so', '[s]\na = 1', (ini) => ini.set('s', 'a', '2'), '[s]\na = 2'],
    [
      'a new option is the last',
      '[s]\na = 1\n\n# next\n[t]\n',
      (ini) => ini.set('s', 'b', '2'),
      '[s]\na = 1\nb = 2\n\n# next\n[t]\n',
    ],
    [
      'below its commented-out form',
      '[s]\n#b = 0\na = 1\n',
      (ini) => ini.set('s', 'b', '2'),
      '[s]\n#b = 0\nb = 2\na = 1\n',
    ],
    ['behind comments', '[s]\n# about s\n\n[t]\n', (ini) => ini.set('s', 'a', '1'), '[s]\n# about s\na = 1\n\n[t]\n'],
    ['before every section', '[s]\na = 1\n', (ini) => ini.set(undefined, 'x', 'y'), 'x = y\n\n[s]\na = 1\n'],
    ['indented as its neighbours', '[s]\n\ta = 1\n', (ini) => ini.set('s', 'b', '2'), '[s]\n\ta = 1\n\tb = 2\n'],
    ['a new section', 'a = 1', (ini) => ini.set('s', 'b', '2'), 'a = 1\n\n[s]\nb = 2\n'],
    ['the first of all', '', (ini) => ini.set('s', 'b', ''), '[s]\nb =\n'],
    [
      'line ends as they are',
      '[s]\r\na = 1\r\n',
      (ini) => ini.set('s', 'b', '2\n 3'),
      '[s]\r\na = 1\r\nb = 2\r\n 3\r\n',
    ],
    ['of several, the last counts', '[s]\na = 1\na = 2\n', (ini) => ini.set('s', 'a', '3'), '[s]\na = 1\na = 3\n'],
    [
      'an option goes with its lines',
      PASTE,
      (ini) => ini.removeOption('main', 'use'),
      PASTE.replace(/use[^#]*#urlmap\n.*\n.*\n/, ''),
    ],
    ['all of several go', '[s]\na = 1\nb = 1\na = 2\n', (ini) => ini.removeOption('s', 'a'), '[s]\nb = 1\n'],
    [
      'a section goes, the comment on the next stays',
      PASTE,
      (ini) => ini.removeSection('main'),
      '# a pipeline\ndebug = true\n; ours\n\n# about the next\n[other]\nport : 90\n',
    ],
  ];
  it.each(cases)('%s', (_, text, edit, expected) => {
    expect(edited(text, edit)).toBe(expected);
  });
  it('no_spaces and other separators: lines that are written', () => {
    expect(edited('a = 1\nb = 2\n', (ini) => ini.set(undefined, 'a', '3'), '=', true)).toBe('a=3\nb = 2\n');
    expect(edited('a: 1\n', (ini) => ini.set(undefined, 'b', '2'), ':')).toBe('a: 1\nb : 2\n');
    expect(edited('a 1\n', (ini) => ini.set(undefined, 'b', '2'), ' ')).toBe('a 1\nb 2\n');
  });
  it.each([
    ['a = b', '1'],
    ['[a', '1'],
    ['#a', '1'],
    ['', '1'],
    ['a\nb', '1'],
    ['a', '1\n2'],
    ['a', '1\n # 2'],
  ])('set: refuses %j with %j, which nobody would read back', (option, value) => {
    expect(() => read('').set('s', option, value)).toThrow(expect.objectContaining({ code: 'EDGE_BAD_ARGUMENT' }));
  });
  it('addSection: refuses what is no name', () => {
    for (const name of ['', ' a', 'a\nb'])
      expect(() => read('').addSection(name)).toThrow(expect.objectContaining({ code: 'EDGE_BAD_ARGUMENT' }));
  });
});

const line = fc.oneof(
  fc.constantFrom(
    '',
    '   ',
    '# c',
    '; c',
    '#a = 9',
    '[s]',
    ' [t] ',
    'plain',
    '\tdeep',
    '  a = 1',
    '\tb=2',
    'a',
    '=',
    '[]',
  ),
  fc
    .tuple(
      fc.constantFrom('', ' ', '\t'),
      fc.constantFrom('a', 'b', 'c d'),
      fc.constantFrom('=', ' = ', ':', ' '),
      fc.string({ maxLength: 4 }),
    )
    .map((parts) => parts.join('')),
  fc.string({ maxLength: 8 }),
);
const text = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
  .map(([lines, end, isEnded]) => lines.join(end) + (isEnded && lines.length > 0 ? end : ''));
const separator = fc.constantFrom('=', ':', ' ', ' = ');
const section = fc.constantFrom(undefined, 's', 't', 'new');
const option = fc.constantFrom('a', 'b', 'z');
const value = fc
  .oneof(fc.constantFrom('', '1', 'x y', '[s]', '# x', 'v\n  w', '\n  - x\n  - y'), fc.string({ maxLength: 6 }))
  .filter((one) => !one.trim().includes('\n') || /^[^\n]*(\n {2}\S.*)+$/.test(one));

describe('INI texts, any', () => {
  it('round trip: what is not edited is the same text', () => {
    fc.assert(
      fc.property(
        fc.oneof(text, fc.string()),
        separator,
        (given, between) => read(given, between).toString() === given,
      ),
    );
  });
  it('set: is read back, changes nothing the second time, and every other line survives', () => {
    fc.assert(
      fc.property(text, separator, section, option, value, (given, between, where, name, wanted) => {
        const before = read(given, between);
        const others = [undefined, ...before.sections()].flatMap((one) =>
          [...before.options(one)!].filter(([key]) => one !== where || key !== name).map(([key, it]) => [one, key, it]),
        );
        let once: string;
        try {
          once = edited(given, (ini) => ini.set(where, name, wanted), between);
        } catch {
          // Its neighbours are indented so far that further lines of the value would not be.
          expect(wanted).toContain('\n');
          return;
        }
        expect(edited(once, (ini) => ini.set(where, name, wanted), between)).toBe(once);
        const after = read(once, between);
        const first = wanted.trimEnd().split('\n')[0]!.trim();
        expect(after.options(where)!.get(name)!.split('\n')[0]).toBe(first);
        expect(
          [undefined, ...after.sections()].flatMap((one) =>
            [...after.options(one)!]
              .filter(([key]) => one !== where || key !== name)
              .map(([key, it]) => [one, key, it]),
          ),
        ).toEqual(others);
        expect(kept(given, once, before.options(where)?.get(name))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
  it('removeOption: it is gone, and no other line is', () => {
    fc.assert(
      fc.property(text, separator, section, option, (given, between, where, name) => {
        const ini = read(given, between);
        const was = ini.options(where)?.get(name);
        expect(ini.removeOption(where, name)).toBe(was);
        expect(ini.options(where)?.has(name) ?? false).toBe(false);
        if (was === undefined) expect(ini.toString()).toBe(given);
        expect(isSubsequence(splitLines(ini.toString()), splitLines(given))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
  it('removeSection: it is gone, and lines of others stay', () => {
    fc.assert(
      fc.property(text, fc.constantFrom('s', 't', 'new'), (given, where) => {
        const once = edited(given, (ini) => ini.removeSection(where));
        expect(read(once).sections()).toEqual(
          read(given)
            .sections()
            .filter((name) => name !== where),
        );
        expect(isSubsequence(splitLines(once), splitLines(given))).toBe(true);
        expect(edited(once, (ini) => ini.removeSection(where))).toBe(once);
      }),
      { numRuns: 300 },
    );
  });
  it('encodings: bytes come back as they were', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('utf-8', 'utf-16', undefined),
        (given, encoding) => decodeText(encodeText(given, encoding, '/f'), encoding, '/f') === given,
      ),
    );
    expect(encodeText('é', 'latin-1', '/f')).toEqual(new Uint8Array([0xe9]));
    for (const [bytes, encoding] of [
      [new Uint8Array([0xff]), undefined],
      [new Uint8Array([0xe9]), 'ascii'],
      [new Uint8Array(), 'koi8'],
    ] as const)
      expect(() => decodeText(bytes, encoding, '/f')).toThrow(expect.objectContaining({ code: 'EDGE_BAD_ARGUMENT' }));
    expect(() => encodeText('€', 'iso-8859-1', '/f')).toThrow('€');
  });
});

/** True when at most the lines of the option that was there are missing; a last line may have got its end. */
function kept(before: string, after: string, value: string | undefined): boolean {
  const bare = (one: string): string[] => splitLines(one).map((line) => line.replace(/\r?\n$/, ''));
  const lines = bare(before);
  const size = value === undefined ? 0 : value.split('\n').length;
  return lines.some((_, from) => isSubsequence(lines.toSpliced(from, size), bare(after))) || lines.length === 0;
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const one of whole) if (at < part.length && part[at] === one) at += 1;
  return at === part.length;
}
