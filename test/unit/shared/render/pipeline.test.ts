import { compiled, notCompiled } from '@edge-run/shared/kernel';
import { createRenderData, isAggregate, type RenderRequest, type RenderText } from '@edge-run/shared/render';
import { PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';

/** Stands for Jinja: replaces NAME, knows that every line is its own origin, warns once. */
const renderText: RenderText = async ({ text, path }) => ({
  value: {
    text: text.replaceAll('NAME', 'nginx'),
    origin: (line) => ({ file: path, line, text: text.split('\n')[line - 1]! }),
  },
  diagnostics: [{ severity: 'warning', code: 'EDGE_INTERNAL', summary: 'rendered', detail: '' }],
});

function render(text: string, jinja: RenderText = renderText) {
  const empty = new PyMap();
  const request: RenderRequest = {
    text,
    path: 'web/init.sls',
    saltenv: 'base',
    grains: empty,
    pillar: empty,
    opts: empty,
    calls: { has: () => false, names: () => [], call: () => null },
    loader: { load: async () => undefined },
  };
  return createRenderData(jinja)(request);
}

async function plain(text: string): Promise<unknown> {
  const result = await render(text);
  expect(result.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return toPlain(result.value!.value);
}

describe('the first line chooses the renderers', () => {
  const cases: readonly [text: string, expected: unknown][] = [
    ['a: NAME\n', { a: 'nginx' }],
    ['#!/usr/bin/env python\na: NAME\n', { a: 'nginx' }],
    ['#!jinja|yaml\na: NAME\n', { a: 'nginx' }],
    ['#!yaml_jinja\na: NAME\n', { a: 'nginx' }],
    ['#!yaml -o\na: NAME\n', { a: 'NAME' }],
    ['#!jinja | json\n{"a": "NAME"}\n', { a: 'nginx' }],
    ['#!json\n{"a": "NAME"}\n', { a: 'NAME' }],
    ['#!json\n', {}],
    ['#!text\na: NAME', '#!text\na: NAME'],
    ['#!jinja\na: NAME', '#!jinja\na: nginx'],
    ['#!yamlex\na: !aggregate 1\na: !aggregate 2\n', { a: [1, 2] }],
    ['  \n', {}],
    ['', {}],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), async () => expect(await plain(text)).toEqual(expected));
  }

  for (const [line, name, hint] of [
    ['#!py', "'py'", /does not run Python/],
    ['#!mako|yaml', "'mako'", /jinja/],
    ['#!jinja|yaml|gpg', 'gpg can be used in pillars only', /pillar/],
    ['#!gpg|yaml', 'follow each other', /then gpg or age/],
    ['#!jinja|gpg|yaml', 'follow each other', /then gpg or age/],
    ['#!jinja|ymal', "'ymal'", /jinja\|yaml/],
    ['#!yaml|jinja', 'follow each other', /jinja first/],
    ['#!', 'no renderer', /jinja\|yaml/],
  ] as const) {
    test(`${line} is refused with what to use instead`, async () => {
      const { value, diagnostics } = await render(`${line}\na: 1\n`);
      expect(value).toBeUndefined();
      expect(diagnostics).toMatchObject([{ code: 'EDGE_UNKNOWN_RENDERER', source: { file: 'web/init.sls', line: 1 } }]);
      expect(diagnostics[0]!.summary).toContain(name);
      expect(diagnostics[0]!.detail).toMatch(hint);
    });
  }
});

test('remarks of the template are kept, its errors end the pipeline', async () => {
  const good = await render('a: 1\n');
  expect(good.diagnostics.map(({ summary }) => summary)).toEqual(['rendered']);
  const failing: RenderText = async () =>
    notCompiled([{ severity: 'error', code: 'EDGE_INTERNAL', summary: 'broken', detail: '' }]);
  expect(await render('a: 1\n', failing)).toMatchObject({ value: undefined, diagnostics: [{ summary: 'broken' }] });
});

test('problems of rendered text point at the template', async () => {
  const text: RenderText = async () =>
    compiled({ text: 'x: 1\na: @x\n', origin: () => ({ file: 'map.jinja', line: 9 }) });
  const { diagnostics } = await render('whatever', text);
  expect(diagnostics).toMatchObject([{ source: { file: 'map.jinja', line: 9 }, chain: [{ line: 2, column: 4 }] }]);
});

test('json: a wrong line keeps its number behind the first line, a repeated key is a warning', async () => {
  const broken = await render('#!json\n{"a": 1\n"b": 2}');
  expect(broken.diagnostics).toMatchObject([{ code: 'EDGE_JSON_SYNTAX', source: { line: 3, column: 1 } }]);
  const repeated = await render('#!json\n{"a": 1,\n"a": 2}');
  expect(repeated.diagnostics).toMatchObject([{ severity: 'warning', source: { line: 3 } }]);
  expect(toPlain(repeated.value!.value)).toEqual({ a: 2 });
  expect(repeated.value!.placeOf(repeated.value!.value, 'a')).toMatchObject({ line: 3, column: 1 });
});

describe('yamlex', () => {
  async function yamlex(text: string): Promise<PyMap> {
    return (await render(`#!yamlex\n${text}`)).value!.value as PyMap;
  }

  test('the document and what is marked stay marked for the merge of pillars', async () => {
    const document = await yamlex('a: !aggregate [1]\nb: !aggregate {x: 1}\nc: [1]\n');
    expect(isAggregate(document)).toBe(true);
    expect(['a', 'b', 'c'].map((key) => isAggregate(document.get(key)!))).toEqual([true, true, false]);
  });

  const cases: readonly [text: string, expected: unknown][] = [
    ['a: 1\na: 2\n', { a: 2 }],
    ['a: {x: 1}\na: {y: 2}\n', { a: { y: 2 } }],
    ['a: !aggregate {x: 1}\na: !aggregate {y: 2}\n', { a: { x: 1, y: 2 } }],
    ['a: !aggregate [1, 2]\na: !aggregate [2, 3]\n', { a: [1, 2, 3] }],
    ['a: !aggregate\na: !aggregate x\n', { a: ['x'] }],
    ['a: !aggregate [1]\n!reset a: !aggregate [2]\n', { a: [2] }],
    ['a: !reset {x: 1}\n', { a: { x: 1 } }],
    ['!aggregate a: 1\n!aggregate a: 2\n', { a: [1, 2] }],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), async () => expect(toPlain((await yamlex(text)) as Value)).toEqual(expected));
  }

  test('places are known inside marked parts too', async () => {
    const { value, placeOf } = (await render('#!yamlex\na: !aggregate {x: 1}\n')).value!;
    expect(placeOf(value, 'a')).toMatchObject({ line: 2, column: 1 });
    expect(placeOf((value as PyMap).get('a')!, 'x')).toMatchObject({ line: 2, column: 16 });
  });
});
