import { formatDiagnostic, type SourceRange } from '@edge-run/shared/kernel';
import { loadSls, loadYaml } from '@edge-run/shared/render';
import { PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';

function loaded(text: string): Value {
  const result = loadSls(text, { path: 'web/init.sls' });
  expect(result.diagnostics).toEqual([]);
  return result.value!.value;
}

function problemsOf(text: string) {
  const result = loadSls(text, { path: 'web/init.sls' });
  expect(result.value).toBeUndefined();
  return result.diagnostics.map(({ code, summary, detail, source }) => ({ code, summary, detail, source }));
}

describe('loadSls: values', () => {
  test('brackets and quotes may go on at any indentation', () => {
    expect(toPlain(loaded("a: [\n1,\n]\nb: {\nc: 'd\ne'\n}\n"))).toEqual({ a: [1], b: { c: 'd e' } });
  });

  test('keys keep their order, also those that look like numbers', () => {
    expect([...(loaded("b: 1\n'628': 2\na: 3\n") as PyMap).keys()]).toEqual(['b', '628', 'a']);
  });

  test('an alias is the very container it names', () => {
    const map = loaded('a: &x [1]\nb: *x\n') as PyMap;
    expect(map.get('b')).toBe(map.get('a'));
  });

  test('a text that says nothing is an empty mapping', () => {
    for (const text of ['', '# only a comment\n', 'null', '[]', '0']) expect(loaded(text)).toEqual(new PyMap());
    expect(loadYaml('')).toBeNull();
  });

  test('merge keys come first and yield to the own keys of a mapping', () => {
    const map = loaded('x: &d {a: 1, c: 3}\ny:\n  b: 1\n  <<: *d\n  a: 2\n') as PyMap;
    expect([...(map.get('y') as PyMap)]).toEqual([
      ['c', 3],
      ['b', 1],
      ['a', 2],
    ]);
  });
});

describe('loadSls: places', () => {
  test('keys and list items know their line and column', () => {
    const { value, placeOf } = loadSls('web:\n  pkg.installed:\n    - name: nginx\n    - pkgs: [a,\n        b]\n', {
      path: 'web/init.sls',
    }).value!;
    const states = (value as PyMap).get('web') as PyMap;
    const args = states.get('pkg.installed') as Value[];
    const pkgs = (args[1] as PyMap).get('pkgs') as Value[];
    expect(placeOf(value, 'web')).toMatchObject({ file: 'web/init.sls', line: 1, column: 1, text: 'web:' });
    expect(placeOf(states, 'pkg.installed')).toMatchObject({ line: 2, column: 3 });
    expect(placeOf(args, 1)).toMatchObject({ line: 4, column: 7 });
    expect(placeOf(pkgs, 1)).toMatchObject({ line: 5, column: 9 });
    expect(placeOf(args, 9)).toBeUndefined();
    expect(placeOf(value, 'other')).toBeUndefined();
    expect(placeOf('text', 0)).toBeUndefined();
  });

  test('places lead to the template', () => {
    const origin = (line: number): SourceRange => ({ file: 'web/init.sls', line: line * 10, text: '{{ x }}: 1' });
    const { value, placeOf } = loadSls('a: 1\n', { path: 'web/init.sls', origin }).value!;
    expect(placeOf(value, 'a')).toEqual({ file: 'web/init.sls', line: 10, text: '{{ x }}: 1' });
  });

  test('a line that reads the same in the template keeps its column', () => {
    const origin = (line: number): SourceRange => ({ file: 'map.jinja', line: line + 4, text: 'a: {b: 1}' });
    const { value, placeOf } = loadSls('a: {b: 1}\n', { path: 'web/init.sls', origin }).value!;
    const inner = (value as PyMap).get('a') as PyMap;
    expect(placeOf(inner, 'b')).toMatchObject({ file: 'map.jinja', line: 5, column: 5 });
  });
});

describe('loadSls: problems', () => {
  const cases: readonly [name: string, text: string, line: number, column: number, summary: RegExp, hint: RegExp][] = [
    ['tab indentation', 'a:\n\tb: 1\n', 2, 1, /tab character/, /spaces/],
    ['no space after a colon', 'a:\n  b: 1\n  c:2\n', 3, 3, /not followed by ': '/, /'c: 2'/],
    ['a value that begins with %', 'a: %x\n', 1, 4, /'%' cannot begin/, /'%x'/],
    ['a value that begins with @', 'a: @x\n', 1, 4, /'@' cannot begin/, /quotes/],
    ['a Jinja tag that was left', 'a: {% x %}\n', 1, 5, /'%' cannot begin/, /\{% … %\}/],
    ['two colons in a line', 'a: b: c\n', 1, 5, /cannot begin here/, /quotes/],
    ['a key below a value', 'a: b\n  c: d\n', 2, 4, /cannot begin here/, /line above/],
    ['a key above without colon', 'a:\n  file.managed\n    - name: x\n', 3, 11, /cannot begin here/, /'file.managed:'/],
    ['a colon without space above', 'a:\n  b:c\n  d: e\n', 3, 4, /cannot begin here/, /'b: c'/],
    ['a glob', 'a: *.log\n', 1, 4, /cannot begin/, /'\*\.log'/],
    ['text behind a quote', 'a: "b" c\n', 1, 8, /belongs/, /closing quote/],
    ['an open quote', "a: 'b\nc: d\n", 1, 4, /never closed/, /Close the quote/],
    ['an open bracket', 'a: [1, 2\n', 2, 1, /the end of the text where ',' or '\]' belongs.*line 1/, /bracket/],
    [
      'a step back to no level',
      'a:\n   b: 1\n  c: 2\n',
      3,
      3,
      /indentation where a key belongs|a key belongs/,
      /indentation/,
    ],
    ['a list behind a key', 'a: - b\n', 1, 4, /list item/, /below/],
    ['an unknown alias', 'a: *nope\n', 1, 4, /&nope/, /Define it/],
    ['a second document', 'a: 1\n---\nb: 1\n', 2, 1, /second document/, /two files/],
    ['a control character', 'a: \u0007\n', 1, 4, /U\+0007/, /\\u0007/],
    ['Jinja braces as a value', 'a: {{ b }}\n', 1, 5, /mapping cannot be a key/, /Jinja/],
    ['an unknown tag', 'a: !custom x\n', 1, 4, /!custom/, /Quote/],
    ['a tag that does not fit', 'a: !!int x\n', 1, 4, /'x' is not a valid !!int/, /tag/],
  ];
  for (const [name, text, line, column, summary, hint] of cases) {
    test(name, () => {
      const [problem] = problemsOf(text);
      expect(problem).toMatchObject({ source: { file: 'web/init.sls', line, column } });
      expect(problem!.summary).toMatch(summary);
      expect(problem!.detail).toMatch(hint);
    });
  }

  test('a key given twice names both lines', () => {
    const { diagnostics } = loadSls('a: 1\nb: 2\na: 3\n', { path: 'web/init.sls' });
    expect(diagnostics).toMatchObject([
      { code: 'EDGE_YAML_DUPLICATE_KEY', source: { line: 3, column: 1 }, chain: [{ line: 1, column: 1 }] },
    ]);
    expect(diagnostics[0]!.summary).toContain('line 1');
  });

  test('all problems of a file are reported at once', () => {
    const lines = ['one:', '\tx: 1', 'two:', '  x: @y', 'three:', "  x: 'y'", 'four:', '  a: b: c'];
    expect(problemsOf(lines.join('\n')).map(({ source }) => source!.line)).toEqual([2, 4, 8]);
    expect(problemsOf('a: {x: 1, x: 2}\nb: !u v\na: 3\n').map(({ source }) => source!.line)).toEqual([1, 2, 3]);
  });

  test('one mistake inside brackets is one problem', () => {
    expect(problemsOf('a: {\n"b": 1\n"c": 2,\n"d": 3\n}\nnext:\n  x: 1\n')).toHaveLength(1);
  });

  test('what breaks only after rendering shows the rendered line behind the line of the template', () => {
    const origin = (): SourceRange => ({ file: 'web/init.sls', line: 7, text: 'a: {{ name }}' });
    const { diagnostics } = loadSls('a: @x\n', { path: 'web/init.sls', origin });
    expect(diagnostics[0]).toMatchObject({
      source: { file: 'web/init.sls', line: 7, text: 'a: {{ name }}' },
      chain: [{ file: 'web/init.sls (rendered)', line: 1, column: 4, text: 'a: @x' }],
    });
  });

  test('a rendered line of unknown origin is named as such', () => {
    const { diagnostics } = loadSls('a: @x\n', { path: 'web/init.sls', origin: () => undefined });
    expect(diagnostics).toMatchObject([{ source: { file: 'web/init.sls (rendered)', line: 1, column: 4 } }]);
  });

  test('the caret stands below the problem', () => {
    const [diagnostic] = loadSls('a: @x\n', { path: 'web/init.sls' }).diagnostics;
    expect(formatDiagnostic(diagnostic!)).toContain('1 | a: @x\n  |    ^');
  });

  test('nesting without end is refused, not a crash', () => {
    expect(problemsOf('['.repeat(100_000))[0]!.summary).toContain('deep');
  });
});

test('loadYaml throws with the line', () => {
  expect(() => loadYaml('a: 1\nb: @x', 'pillar')).toThrow(/^pillar:2:4: '@' cannot begin a value$/);
});
