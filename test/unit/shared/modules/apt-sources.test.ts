import {
  type AptSource,
  addSource,
  findRepository,
  formatSourceLine,
  formatSourcesFile,
  parseSourceLine,
  parseSourcesFile,
  planRepository,
  removeRepository,
  replaceSource,
  sourcesOf,
} from '@edge-run/shared/modules/providers/apt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const LIST = '/etc/apt/sources.list.d/x.list';
const SOURCES = '/etc/apt/sources.list.d/x.sources';

describe('a line of sources.list', () => {
  it.each<[string, string]>([
    [
      'deb http://deb.debian.org/debian bookworm main contrib',
      'deb http://deb.debian.org/debian bookworm main contrib',
    ],
    [
      'deb-src  [ arch=amd64,arm64   signed-by=/k.gpg ]  http://x/ stable main',
      'deb-src [arch=amd64,arm64 signed-by=/k.gpg] http://x/ stable main',
    ],
    ['  deb [trusted=yes]file:/srv/repo ./', 'deb [trusted=yes] file:/srv/repo ./'],
    [
      'deb cdrom:[Debian 12 _Bookworm_ - amd64]/ bookworm main',
      'deb cdrom:[Debian 12 _Bookworm_ - amd64]/ bookworm main',
    ],
    ['#deb http://x stable main', '# deb http://x stable main'],
    ['## deb http://x stable main # why', '# deb http://x stable main # why'],
  ])('%s', (line, written) => {
    expect(formatSourceLine(parseSourceLine(line)!)).toBe(written);
  });
  it.each([
    '',
    '# deb is a kind of package',
    '# see http://x stable',
    'deb http://x',
    'deb stable main',
    'deb http://x ./ main',
    'rpm http://x stable main',
    '# deb http://x stable, or so',
  ])('none: %j', (line) => {
    expect(parseSourceLine(line)).toBeUndefined();
  });
});

const word = fc.constantFrom('main', 'contrib', 'non-free', 'a/b', 'x1');
const place = {
  type: fc.constantFrom('deb', 'deb-src') as fc.Arbitrary<'deb' | 'deb-src'>,
  uri: fc.constantFrom('http://a/x', 'http://a/x/', 'https://b.c/d', 'file:/srv/r'),
  dist: fc.constantFrom('stable', 'bookworm-updates', 'trixie'),
};
const source: fc.Arbitrary<AptSource> = fc.record({
  ...place,
  options: fc
    .dictionary(fc.constantFrom('arch', 'signed-by', 'trusted'), fc.constantFrom('amd64', 'arm64', '/k.gpg'))
    .map((options) => new Map(Object.entries(options))),
  comps: fc.uniqueArray(word, { minLength: 1 }),
  isDisabled: fc.boolean(),
  comment: fc.constantFrom('', 'why', 'two words'),
});
const listText = fc
  .array(
    fc.oneof(
      source.map(formatSourceLine),
      fc.constantFrom('', '# deb is a package', '   ', 'deb [broken', '\tdeb   http://a/x  stable   main '),
    ),
  )
  .chain((lines) => fc.constantFrom('', '\n').map((end) => lines.join('\n') + end));
const stanza = fc
  .record({
    types: fc.uniqueArray(fc.constantFrom('deb', 'deb-src'), { minLength: 1 }),
    uris: fc.uniqueArray(place.uri, { minLength: 1, maxLength: 2, selector: (uri) => uri.replace(/\/$/, '') }),
    suites: fc.uniqueArray(place.dist, { minLength: 1 }),
    comps: fc.uniqueArray(word, { minLength: 1 }),
    enabled: fc.constantFrom('', 'Enabled: no\n', 'enabled: yes\n'),
    more: fc.constantFrom(
      '',
      '# why\n',
      'X-Name: a\n  b\n',
      'Signed-By:\n -----BEGIN\n .\n # kept\n -----END\n',
      'Architectures: amd64 arm64\n',
    ),
    gap: fc.constantFrom('\n ', ' '),
  })
  .map(
    ({ types, uris, suites, comps, enabled, more, gap }) =>
      `${enabled}Types: ${types.join(' ')}\n# a comment\nURIs:${gap}${uris.join(gap)}\nSuites: ${suites.join(gap)}\n${more}Components: ${comps.join(' ')}`,
  );
const stanzasText = fc
  .array(fc.oneof(stanza, fc.constantFrom('# only a comment', 'not a field', '  ')))
  .chain((parts) => fc.constantFrom('', '\n', '\n \n\n').map((end) => parts.join('\n\n') + end));
const files = fc.oneof(
  listText.map((text) => parseSourcesFile(LIST, text)),
  stanzasText.map((text) => parseSourcesFile(SOURCES, text)),
);
const shownOf = (found: AptSource): string => JSON.stringify({ ...found, options: [...found.options] });

describe('files of sources', () => {
  it('any text comes back to the letter', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), listText, stanzasText), fc.constantFrom(LIST, SOURCES), (text, path) => {
        expect(formatSourcesFile(parseSourcesFile(path, text))).toBe(text);
      }),
    );
  });
  it('a source that is taken away is gone, and every other is what it was', () => {
    fc.assert(
      fc.property(files, fc.nat(), (file, pick) => {
        const all = sourcesOf(file);
        if (all.length === 0) return;
        const at = pick % all.length;
        const left = sourcesOf(replaceSource(file, all[at]!, undefined));
        expect(left.map((found) => shownOf(found.source)).sort()).toEqual(
          all
            .filter((_, index) => index !== at)
            .map((found) => shownOf(found.source))
            .sort(),
        );
      }),
    );
  });
  it('what is decided is written once, and lines nobody is about stay', () => {
    fc.assert(
      fc.property(files, source, fc.constantFrom(LIST, SOURCES), (file, wanted, path) => {
        const goal = { source: wanted, file: path };
        const { edits } = planRepository([file], goal);
        const after = [file, ...edits.filter((edit) => edit.path !== file.path)].map(({ path: at }) =>
          parseSourcesFile(at, edits.find((edit) => edit.path === at)?.after ?? formatSourcesFile(file)),
        );
        expect(planRepository(after, goal).edits).toEqual([]);
        const found = findRepository(after, goal)!.source;
        expect([[...found.comps].sort(), found.isDisabled, found.dist]).toEqual([
          [...wanted.comps].sort(),
          wanted.isDisabled,
          wanted.dist,
        ]);
        if (file.path !== LIST) return;
        const kept = file.chunks.filter(({ sources }) => sources.length === 0).map(({ text }) => text.trim());
        expect(after[0]!.chunks.filter(({ sources }) => sources.length === 0).map(({ text }) => text.trim())).toEqual(
          kept,
        );
      }),
    );
  });
  it('consolidate: once is enough', () => {
    fc.assert(
      fc.property(fc.array(files, { maxLength: 2 }), source, (given, wanted) => {
        const here = given.map(({ path, chunks }, index) => ({ path: path.replace('x.', `x${index}.`), chunks }));
        const goal = { source: wanted, file: LIST, consolidate: true };
        const { edits } = planRepository(here, goal);
        const untouched = here.filter(({ path }) => !edits.some((edit) => edit.path === path));
        const written = edits.flatMap(({ path, after }) =>
          after === undefined ? [] : [parseSourcesFile(path, after)],
        );
        expect(planRepository([...written, ...untouched], goal).edits).toEqual([]);
      }),
    );
  });
  it('removal is final', () => {
    fc.assert(
      fc.property(files, source, (file, unwanted) => {
        const edits = removeRepository([file], unwanted);
        const after = edits.flatMap(({ path, after: text }) =>
          text === undefined ? [] : [parseSourcesFile(path, text)],
        );
        expect(removeRepository(edits.length === 0 ? [file] : after, unwanted)).toEqual([]);
      }),
    );
  });
  it('a source that is added can be read', () => {
    fc.assert(
      fc.property(files, source, (file, added) => {
        const last = sourcesOf(addSource(file, added)).at(-1)!.source;
        expect({ ...last, comment: '' }).toEqual({
          ...added,
          comment: '',
          // A stanza has its options in the order of its own fields.
          options: file.path === LIST ? added.options : last.options,
        });
      }),
    );
  });
});

describe('what is decided', () => {
  const decide = (text: string, line: string, more: object = {}, path = LIST) =>
    planRepository([parseSourcesFile(path, text)], { source: parseSourceLine(line)!, file: LIST, ...more }).edits;
  it.each<[string, string, string, object, string | undefined]>([
    ['there in another order', 'deb http://a/ s main contrib\n', 'deb http://a s contrib main', {}, undefined],
    ['components as wanted', 'deb http://a s main old\n# x\n', 'deb http://a s main', {}, 'deb http://a s main\n# x\n'],
    ['switched on', '# deb http://a s main\n', 'deb http://a s main', {}, 'deb http://a s main\n'],
    ['the one in use counts', '# deb http://a s main\ndeb http://a s main\n', 'deb http://a s main', {}, undefined],
    [
      'another architecture is another source',
      'deb [arch=amd64] http://a s main\n',
      'deb [arch=arm64] http://a s main',
      {},
      'deb [arch=amd64] http://a s main\ndeb [arch=arm64] http://a s main\n',
    ],
    [
      'other components are another source',
      'deb http://a s main',
      'deb http://a s contrib',
      {},
      'deb http://a s main\ndeb http://a s contrib\n',
    ],
    [
      'another release of the same',
      'deb http://a old main\n',
      'deb http://a new main',
      { formerDist: 'old' },
      'deb http://a new main\n',
    ],
    [
      'a file that is cleaned',
      '# x\ndeb http://b s main\n',
      'deb http://a s main',
      { cleanFile: true },
      'deb http://a s main\n',
    ],
    [
      'a cleaned file that is as it should be',
      '# x\ndeb http://a s main\n',
      'deb http://a s main',
      { cleanFile: true },
      undefined,
    ],
  ])('%s', (_, text, line, more, after) => {
    expect(decide(text, line, more)[0]?.after).toBe(after);
  });
  it('one of several in a stanza: the stanza is taken apart, the rest stays', () => {
    const text = '# Debian\nTypes: deb\nURIs: http://a\nSuites: s s-updates\nComponents: main\nSigned-By: /k.gpg\n';
    expect(decide(text, 'deb http://a s main contrib', {}, SOURCES)).toEqual([
      {
        path: SOURCES,
        before: text,
        after:
          '# Debian\nTypes: deb\nURIs: http://a\nSuites: s-updates\nComponents: main\nSigned-By: /k.gpg\n\n' +
          '# Debian\nTypes: deb\nURIs: http://a\nSuites: s\nComponents: main contrib\nSigned-By: /k.gpg\n',
      },
    ]);
  });
  it('consolidate: a source that is as it should be moves nothing', () => {
    const given = [parseSourcesFile(LIST, 'deb http://a s main\ndeb http://a s contrib\n')];
    const goal = { source: parseSourceLine('deb http://a s contrib')!, file: LIST, consolidate: true };
    expect(planRepository(given, goal).edits).toEqual([]);
  });
  it('consolidate: one line for each place in sources.list, and no other files of lines', () => {
    const main = '/etc/apt/sources.list';
    const given = [
      parseSourcesFile(main, '# x\ndeb http://a s main\n'),
      parseSourcesFile(LIST, 'deb http://a/ s contrib\n# deb http://b s main # why\n'),
      parseSourcesFile(SOURCES, 'Types: deb\nURIs: http://c\nSuites: s\nComponents: main\n'),
    ];
    const goal = { source: parseSourceLine('deb http://b s main')!, file: LIST, consolidate: true };
    const { edits } = planRepository(given, goal);
    expect(edits.map(({ path, after }) => [path, after])).toEqual([
      [main, 'deb http://a/ s main contrib\ndeb http://b s main\n'],
      [LIST, undefined],
    ]);
    expect(planRepository([parseSourcesFile(main, edits[0]!.after!), given[2]!], goal).edits).toEqual([]);
  });
});
