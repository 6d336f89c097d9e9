import type { Diagnostic } from '@edge-run/shared/kernel';
import { PyMap } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';
import { renderRequest, type TestRender, testJinja } from '../../../../support/jinja.ts';

const jinja = testJinja();

async function faults(text: string, options: TestRender = {}): Promise<readonly Diagnostic[]> {
  const { value, diagnostics } = await jinja.renderText(renderRequest(text, options));
  expect(value).toBeUndefined();
  return diagnostics;
}

describe('jinja diagnostics', () => {
  test('an undefined name is reported at its place, with the line and a suggestion', async () => {
    const [fault] = await faults('a: 1\nb: {{ grians.os }}\n');
    expect(fault).toMatchObject({
      code: 'EDGE_UNDEFINED_VARIABLE',
      summary: "'grians' is undefined",
      detail: "Did you mean 'grains'?",
      source: { file: 'main.sls', line: 2, column: 7, text: 'b: {{ grians.os }}' },
    });
  });

  test('a missing member suggests the members there are', async () => {
    const [fault] = await faults('{{ grains.os_famly }}', { grains: new PyMap([['os_family', 'Debian']]) });
    expect(fault).toMatchObject({ code: 'EDGE_UNDEFINED_VARIABLE', detail: "Did you mean 'os_family'?" });
    expect(fault?.source).toMatchObject({ line: 1, column: 11 });
  });

  test('an unknown function is an undefined name with a suggestion, in both spellings', async () => {
    const functions = { 'pillar.get': () => 1 };
    const [item] = await faults("{{ salt['pilar.get']('x') }}", { functions });
    const [attribute] = await faults('{{ salt.pillar.gte("x") }}', { functions });
    expect(item).toMatchObject({ code: 'EDGE_UNDEFINED_VARIABLE', detail: "Did you mean 'pillar.get'?" });
    expect(attribute).toMatchObject({ code: 'EDGE_UNDEFINED_VARIABLE', detail: "Did you mean 'get'?" });
  });

  test('a fault in an included file names that file, then how it came to be read', async () => {
    const files = { 'outer.jinja': '\n{% include "inner.jinja" %}', 'inner.jinja': 'x\ny\n{{ nope }}' };
    const [fault] = await faults('\n\n{% include "outer.jinja" %}', { files });
    expect(fault?.source).toMatchObject({ file: 'inner.jinja', line: 3, column: 4 });
    expect(fault?.chain?.map(({ file, line }) => `${file}:${line}`)).toEqual(['outer.jinja:2', 'main.sls:3']);
  });

  test('a fault in an imported macro names the macro, then its caller', async () => {
    const files = { 'lib.jinja': '{% macro m(x) %}\n{{ x.y.z }}\n{% endmacro %}' };
    const [fault] = await faults('{% from "lib.jinja" import m %}\n\n{{ m({}) }}', { files });
    expect(fault?.source).toMatchObject({ file: 'lib.jinja', line: 2 });
    expect(fault?.chain?.map(({ file, line }) => `${file}:${line}`)).toEqual(['main.sls:3']);
  });

  test('a syntax error in an included file is told apart and keeps its chain', async () => {
    const [fault] = await faults('{% include "bad.jinja" %}', { files: { 'bad.jinja': '\n{{ 1 + }}' } });
    expect(fault).toMatchObject({ code: 'EDGE_TEMPLATE_SYNTAX', source: { file: 'bad.jinja', line: 2 } });
    expect(fault?.chain).toMatchObject([{ file: 'main.sls', line: 1 }]);
  });

  test('every faulty tag is reported, not only the first', async () => {
    const found = await faults('{{ 1 + }}\n{% for x in %}\nok {{ fine }}\n{% endfor %}\n{{ a b }}\n');
    expect(found.map(({ code, source }) => `${code}:${source?.line}`)).toEqual([
      'EDGE_TEMPLATE_SYNTAX:1',
      'EDGE_TEMPLATE_SYNTAX:2',
      'EDGE_TEMPLATE_SYNTAX:5',
    ]);
  });

  test.each([
    ['{% if true %}\nx', /endif/],
    ['{{ "abc }}', /unexpected char/],
    ['{# never closed', /comment/],
    ['{% fro x in y %}{% endfor %}', /unknown tag 'fro'/],
  ])('%j says what is missing', async (text, message) => {
    const [fault] = await faults(text);
    expect(fault?.code).toBe('EDGE_TEMPLATE_SYNTAX');
    expect(fault?.summary).toMatch(message);
  });

  test('an unknown filter suggests the nearest', async () => {
    const [fault] = await faults('{{ "x"|uper }}');
    expect(fault).toMatchObject({ code: 'EDGE_TEMPLATE_UNKNOWN_FILTER', detail: "Did you mean 'upper'?" });
  });

  test('runtime errors are neither syntax errors nor undefined names', async () => {
    const [fault] = await faults('{{ 1 / 0 }}');
    expect(fault).toMatchObject({ code: 'EDGE_TEMPLATE_RUNTIME', summary: 'division by zero' });
  });

  test('a failing call is reported at the call', async () => {
    const functions = { 'x.fail': () => Promise.reject(new Error('no route')) };
    const [fault] = await faults('a\n{{ salt["x.fail"]() }}', { functions });
    expect(fault).toMatchObject({ code: 'EDGE_TEMPLATE_RUNTIME', summary: 'no route', source: { line: 2 } });
  });

  test('a template that does not exist is named', async () => {
    const [fault] = await faults('{% import "no.jinja" as n %}');
    expect(fault).toMatchObject({ code: 'EDGE_TEMPLATE_NOT_FOUND', summary: 'template not found: no.jinja' });
  });
});
