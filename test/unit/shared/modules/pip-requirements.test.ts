import {
  isSatisfied,
  parsePipList,
  parseRequirement,
  parseRequirements,
  parseWouldInstall,
} from '@edge-run/shared/modules/providers/pip';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a requirement', () => {
  it.each<[string, string | undefined, string, string]>([
    ['Flask', 'flask', '', ''],
    ['foo_Bar.baz [a,b] >= 1.0 , <2', 'foo-bar-baz', '>=1.0,<2', ''],
    ['foo==1.*; python_version < "3.9"', 'foo', '==1.*', 'python_version < "3.9"'],
    ['foo (>=1)', 'foo', '>=1', ''],
    ['foo @ https://h.invalid/x;y/foo.zip ; os_name == "nt"', 'foo', '', 'os_name == "nt"'],
    ['git+https://h.invalid/foo.git@v1#egg=Foo_x', 'foo-x', '', ''],
    ['git+https://h.invalid/foo.git@v1', undefined, '', ''],
    ['/srv/wheels/edge_demo-1.0-py3-none-any.whl', 'edge-demo', '', ''],
    ['https://h.invalid/edge-demo-1.0.tar.gz#sha256=00', 'edge-demo', '', ''],
  ])('%s', (text, name, specifier, marker) => {
    expect(parseRequirement(text)).toEqual({ text, ...(name === undefined ? {} : { name }), specifier, marker });
  });
  it.each(['', '-e', '--no-index', 'foo bar', 'foo=1', 'foo>>1', '*'])('none: %j', (text) => {
    expect(parseRequirement(text)).toBeUndefined();
  });
  it.each([
    ['foo>=1.0,<2', '1.10', true],
    ['foo>=1.0,<2', '2.0', false],
    ['foo~=1.4.2', '1.4.9', true],
    ['foo==1.0', '1.0+local', true],
    ['foo>=1.0', '2.0rc1', true],
    ['foo', '0.1', true],
  ])('%s: %s fits %s', (text, version, fits) => {
    expect(isSatisfied(parseRequirement(text)!, version)).toBe(fits);
    expect(isSatisfied(parseRequirement(text)!, undefined)).toBe(false);
  });
  it('no text is too odd', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aA1-_.[]=<>~!,; @#:/\\"\n*') }), (text) => {
        const found = parseRequirement(text);
        if (found !== undefined) isSatisfied(found, '1.0');
        expect(Array.isArray(parseRequirements(text).requirements)).toBe(true);
      }),
    );
  });
});

it('a file of requirements: comments, options, other files, lines that go on', () => {
  const text = `# of the tests
--index-url https://h.invalid/simple
-r base.txt
--requirement=/srv/more.txt
foo==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11  # twice
bar>=2 # why
-e git+https://h.invalid/x.git#egg=editable
-c constraints.txt

baz ; sys_platform == "linux"
`;
  const { requirements, includes } = parseRequirements(text);
  expect(includes).toEqual(['base.txt', '/srv/more.txt']);
  expect(requirements.map(({ name, specifier, marker }) => [name, specifier, marker])).toEqual([
    ['foo', '==1.0', ''],
    ['bar', '>=2', ''],
    ['editable', '', ''],
    ['baz', '', 'sys_platform == "linux"'],
  ]);
});

describe('what pip prints', () => {
  it('a list, behind warnings too', () => {
    const list = '[{"name": "pip", "version": "20.3.4"}]';
    expect(parsePipList(`DEPRECATION: old\n${list}\n`)).toEqual([
      { name: 'pip', version: '20.3.4', latest_version: undefined },
    ]);
    expect(() => parsePipList('Usage: pip')).toThrow('pip list did not answer with JSON: Usage: pip');
  });
  it('what it would install', () => {
    expect(parseWouldInstall('Looking\nWould install a-1.0 b-2\n')).toEqual(['a-1.0', 'b-2']);
    expect(parseWouldInstall('Requirement already satisfied: a\n')).toEqual([]);
  });
});
