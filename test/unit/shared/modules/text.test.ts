import {
  appendLines,
  bareLines,
  editLine,
  isBinary,
  type LineOptions,
  mergeRecursive,
  parseMode,
  prependLines,
  pythonRegex,
  replaceBlock,
  replaceText,
  serializeData,
  setKeyValues,
  splitLines,
  substitute,
  toggleComments,
  unifiedDiff,
} from '@edge-run/shared/modules/text';
import { fromPlain, toPlain } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const abc = 'alpha\nbeta\ngamma\n';
const replace = (options: object) => ({
  pattern: '',
  repl: '',
  count: 0,
  flags: 8,
  appendIfNotFound: false,
  prependIfNotFound: false,
  notFoundContent: undefined,
  ...options,
});
const line = (options: Partial<LineOptions>): LineOptions => ({
  mode: 'ensure',
  content: 'new',
  match: undefined,
  before: undefined,
  after: undefined,
  location: undefined,
  indent: true,
  ...options,
});
const block = (options: object) => ({
  start: '# >>',
  end: '# <<',
  content: 'inner',
  appendIfNotFound: false,
  prependIfNotFound: false,
  insertBefore: undefined,
  insertAfter: undefined,
  appendNewline: undefined,
  ...options,
});
const pairs = (entries: Record<string, string>, options: object = {}) => ({
  pairs: new Map(Object.entries(entries)),
  separator: '=',
  appendIfNotFound: false,
  prependIfNotFound: false,
  ignoreCase: false,
  countLimit: 1,
  uncomment: undefined,
  valueIgnoreCase: false,
  ...options,
});

describe('edits of texts', () => {
  it.each<[string, string, string]>([
    ['append: only what is missing', appendLines(abc, ['beta', 'delta']), `${abc}delta\n`],
    ['append: ends a last line that has no end', appendLines('a', ['b']), 'a\nb\n'],
    ['append: white space makes no difference', appendLines('a  b\n', ['a b']), 'a  b\n'],
    ['append: unless it is to', appendLines('a  b\n', ['a b'], false), 'a  b\na b\n'],
    ['prepend: before the others', prependLines(abc, ['first', 'beta']), `first\n${abc}`],
    ['prepend: a header must begin the file', prependLines('a\nh\n', ['h'], true), 'h\na\nh\n'],
    ['prepend: a header that does is left', prependLines('h\na\n', ['h'], true), 'h\na\n'],
    ['replace: groups', replaceText(abc, replace({ pattern: '^b(.)ta$', repl: 'B\\1TA' })), 'alpha\nBeTA\ngamma\n'],
    [
      'replace: named groups',
      replaceText('a=1\n', replace({ pattern: '(?P<key>\\w)=1', repl: '\\g<key>=2' })),
      'a=2\n',
    ],
    ['replace: at most count', replaceText('xxx', replace({ pattern: 'x', repl: 'y', count: 2 })), 'yyx'],
    [
      'replace: appends when not found',
      replaceText('a', replace({ pattern: 'z', repl: 'b', appendIfNotFound: true })),
      'a\nb\n',
    ],
    [
      'replace: does not append twice',
      replaceText('a\nb\n', replace({ pattern: 'z', repl: 'b', appendIfNotFound: true })),
      'a\nb\n',
    ],
    ['line: after', editLine(abc, line({ after: '^alpha' })), 'alpha\nnew\nbeta\ngamma\n'],
    ['line: before, with the white space of its neighbour', editLine('  x\n', line({ before: 'x' })), '  new\n  x\n'],
    ['line: is there already', editLine('alpha\nnew\n', line({ after: 'alpha' })), 'alpha\nnew\n'],
    ['line: delete', editLine(abc, line({ mode: 'delete', match: '^b' })), 'alpha\ngamma\n'],
    ['line: replace', editLine(abc, line({ mode: 'replace', match: '^b' })), 'alpha\nnew\ngamma\n'],
    ['line: insert at the end', editLine('a', line({ mode: 'insert', location: 'end' })), 'a\nnew\n'],
    ['block: between its markers', replaceBlock('a\n# >>\nold\n# <<\nb\n', block({})), 'a\n# >>\ninner\n# <<\nb\n'],
    ['block: appended', replaceBlock('a', block({ appendIfNotFound: true })), 'a\n# >>\ninner\n# <<\n'],
    ['block: before a line', replaceBlock('a\nb\n', block({ insertBefore: '^b' })), 'a\n# >>\ninner\n# <<\nb\n'],
    [
      'comment: once',
      toggleComments(toggleComments(abc, '^beta', '#', true), '^beta', '#', true),
      'alpha\n#beta\ngamma\n',
    ],
    ['uncomment: with its indentation', toggleComments('  # beta x\n', 'beta', '#', false), '  beta x\n'],
    [
      'keyvalue: changes and appends',
      setKeyValues('port=21\nx=1\n', pairs({ port: '22', host: 'h' }, { appendIfNotFound: true })).text,
      'port=22\nx=1\nhost=h\n',
    ],
    [
      'keyvalue: uncomments',
      setKeyValues('#A no\n', pairs({ A: 'yes' }, { separator: ' ', uncomment: '#' })).text,
      'A yes\n',
    ],
    [
      'diff: as Python prints it',
      unifiedDiff(abc, 'alpha\nBETA\ngamma\n'),
      '--- \n+++ \n@@ -1,3 +1,3 @@\n alpha\n-beta\n+BETA\n gamma\n',
    ],
  ])('%s', (_, got, wanted) => expect(got).toBe(wanted));

  it('every edit made twice is the edit made once', () => {
    const lines = fc.array(fc.constantFrom('alpha', 'beta', '# beta', '#beta', '', ' beta', 'x=1'), { maxLength: 8 });
    fc.assert(
      fc.property(lines, fc.boolean(), (content, ended) => {
        const text = content.join('\n') + (ended ? '\n' : '');
        const edits: ((text: string) => string)[] = [
          (before) => appendLines(before, ['beta', 'new']),
          (before) => prependLines(before, ['beta', 'new']),
          (before) => replaceText(before, replace({ pattern: '^alpha$', repl: 'beta', appendIfNotFound: true })),
          (before) => replaceBlock(before, block({ appendIfNotFound: true })),
          (before) => toggleComments(before, '^beta', '#', true),
          (before) => setKeyValues(before, pairs({ x: '2' }, { appendIfNotFound: true, countLimit: 0 })).text,
        ];
        for (const edit of edits) expect(edit(edit(text))).toBe(edit(text));
        expect(splitLines(text).join('')).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
  it('anchors that are missing, absent or everywhere are errors', () => {
    expect(() => editLine(abc, line({}))).toThrow(/before or after/);
    expect(() => editLine('a\na\n', line({ after: 'a' }))).toThrow(/2 lines/);
    expect(() => replaceBlock('# >>\n', block({}))).toThrow(/without the end/);
    expect(() => replaceBlock('a\n', block({}))).toThrow(/not found/);
    expect(() => pythonRegex('(')).toThrow(expect.objectContaining({ code: 'EDGE_BAD_ARGUMENT' }));
  });
});

describe('the small ones', () => {
  it('pythonRegex: flags, inline flags, anchors of the whole text', () => {
    expect('A'.search(pythonRegex('(?i)a'))).toBe(0);
    expect('x\na'.search(pythonRegex('^a'))).toBe(-1);
    expect('x\na'.search(pythonRegex('^a', 8))).toBe(2);
    expect('x\na'.search(pythonRegex('\\Aa', 8))).toBe(-1);
    expect('a\nb'.search(pythonRegex('a.b', ['DOTALL']))).toBe(0);
    expect(substitute('aXbX', pythonRegex('X'), '\\\\n').text).toBe('a\\nb\\n');
  });
  it('parseMode: octal as trees write it', () => {
    expect(['0644', 644, '0o755', '2775'].map(parseMode)).toEqual([0o644, 0o644, 0o755, 0o2775]);
    expect(() => parseMode('rwx')).toThrow(/octal|mode/);
  });
  it('isBinary, bareLines: tell text from bytes, lines from ends', () => {
    expect([
      isBinary(new Uint8Array([0xff])),
      isBinary(new Uint8Array([0])),
      isBinary(new Uint8Array(Buffer.from('ü'))),
    ]).toEqual([true, true, false]);
    expect(bareLines('a\r\nb\n\n')).toEqual(['a', 'b', '']);
  });
  it('mergeRecursive: level by level; lists joined when asked', () => {
    const [a, b] = [fromPlain({ x: { y: 1, l: [1] }, z: 1 }), fromPlain({ x: { l: [1, 2] }, z: 2 })];
    expect(toPlain(mergeRecursive(a, b, false))).toEqual({ x: { y: 1, l: [1, 2] }, z: 2 });
    expect(toPlain(mergeRecursive(fromPlain({ l: [1] }), fromPlain({ l: [2] }), true))).toEqual({ l: [1, 2] });
  });
  it('serializeData: yaml, json and sections, sorted', () => {
    const data = fromPlain({ b: [1, 2], a: { x: 'yes' } });
    expect(serializeData(data, 'yaml').text).toBe("a:\n  x: 'yes'\nb:\n- 1\n- 2\n");
    expect(JSON.parse(serializeData(data, 'json').text)).toEqual({ a: { x: 'yes' }, b: [1, 2] });
    expect(serializeData(fromPlain({ s: { k: 1 } }), 'configparser').text).toBe('[s]\nk = 1\n\n');
  });
});
