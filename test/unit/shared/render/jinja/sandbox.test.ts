import { PyMap, PyTuple, type Value } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderRequest, testJinja } from '../../../../support/jinja.ts';

const jinja = testJinja();
const SECRET = 'EDGE_SANDBOX_PROBE';

const NAMES = [
  'constructor',
  'prototype',
  '__proto__',
  '__defineGetter__',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'call',
  'apply',
  'bind',
  'process',
  'globalThis',
  'global',
  'require',
  'module',
  'Function',
  'eval',
  'env',
  'root',
  'E',
  'C',
  'R',
  'K',
  'T',
  'p',
  't',
  'request',
  'serializers',
  'mainModule',
  '__class__',
  '__globals__',
  '__init__',
  '__mro__',
  'self',
  'loop',
  'caller',
  'salt',
  'grains',
  'items',
  'get',
  'keys',
  'length',
  'text',
  'map',
  'filters',
  'attributes',
  'fault',
  'mayWait',
  'name',
];
const VALUES = [
  'l',
  'd',
  's',
  'n',
  'tup',
  'salt',
  'grains',
  'range',
  'namespace()',
  'cycler(1)',
  'm',
  '[]',
  '{}',
  '""',
  '(1,)',
  '1',
  '1.5',
  'loop',
  'self',
  'lib',
  'x|json',
  'd.keys()',
  'l|map("upper")',
];

const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  name.map((text) => `.${text}`),
  name.map((text) => `["${text}"]`),
  name.map((text) => `|attr("${text}")`),
  name.map((text) => `|method_call("${text}")`),
  fc.constant('()'),
  fc.constant('("return process")'),
  fc.constant('[0]'),
  name.map((text) => `|map(attribute="${text}")|list`),
  name.map((text) => `|traverse("${text}")`),
  name.map((text) => `|json_query("${text}")`),
);
const expression = fc
  .tuple(fc.constantFrom(...VALUES, ...NAMES), fc.array(step, { maxLength: 5 }))
  .map(([start, steps]) => start + steps.join(''));
const template = fc.oneof(
  expression.map((text) => `{{ ${text} }}`),
  expression.map((text) => `{% set x = ${text} %}{{ x }}`),
  expression.map((text) => `{% for i in [1] %}{{ ${text} }}{% endfor %}`),
  fc
    .tuple(name, expression)
    .map(([target, text]) => `{% set ns = namespace(${target}=1) %}{% set ns.${target} = ${text} %}{{ ns.${target} }}`),
  fc
    .tuple(name, expression)
    .map(([target, text]) => `{% do d.update({"${target}": 1}) %}{% set ${target} = ${text} %}{{ ${target} }}`),
  fc.tuple(name, name).map(([one, other]) => `{{ "{0.${one}}{0[${other}]}".format(d) }}`),
  fc
    .tuple(name, expression)
    .map(([macro, text]) => `{% macro ${macro}(${macro}) %}{{ ${text} }}{% endmacro %}{{ ${macro}(1) }}`),
);

function variables(): Readonly<Record<string, Value>> {
  return { l: [1, 'a'], d: new PyMap([['k', 'v']]), s: 'text', n: null, tup: new PyTuple([1]), x: 'x' };
}

describe('jinja sandbox', () => {
  test('no expression reaches JavaScript: no function, prototype or process comes out, none is changed', async () => {
    process.env[SECRET] = 'reached-the-process';
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    await fc.assert(
      fc.asyncProperty(template, async (text) => {
        const source = `{% import "lib" as lib %}{% macro m(a) %}{{ a }}{% endmacro %}${text}`;
        const request = renderRequest(source, {
          variables: variables(),
          files: { lib: '{% set v = 1 %}' },
          limits: { deadlineMs: 2000 },
        });
        const { value, diagnostics } = await jinja.renderText(request);
        const said = value?.text ?? diagnostics.map(({ summary, detail }) => summary + detail).join();
        expect(said).not.toMatch(
          /reached-the-process|\[object |\[native code\]|=>|function\s*\(|Cannot read prop|is not a function|undefined is not/,
        );
      }),
      { numRuns: 1500 },
    );
    delete process.env[SECRET];
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
    expect(({} as Record<string, unknown>).k).toBeUndefined();
  });

  test('any text ends in a result or in diagnostics that point into it', async () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '{{',
        '}}',
        '{%',
        '%}',
        '{#',
        '#}',
        '-',
        'for',
        'in',
        'if',
        'endif',
        'set',
        '=',
        '|',
        '(',
        ')',
        '[',
        ']',
        '.',
        ' ',
        '\n',
        '"',
        "'",
        '\\',
        'x',
        '1',
        'raw',
        'endraw',
        'macro',
        'block',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const text = pieces.join('');
        const { value, diagnostics } = await jinja.renderText(renderRequest(text, { limits: { deadlineMs: 2000 } }));
        if (value) return;
        const lines = text.split(/\r\n|\r|\n/).length;
        for (const { code, source } of diagnostics) {
          expect(code).not.toBe('EDGE_INTERNAL');
          expect(source!.line).toBeGreaterThanOrEqual(1);
          expect(source!.line).toBeLessThanOrEqual(lines);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('special attributes are refused, missing ones are only undefined', async () => {
    const code = async (text: string): Promise<string | undefined> =>
      (await jinja.renderText(renderRequest(text))).diagnostics[0]?.code;
    expect(await code('{{ "".__class__.__mro__ }}')).toBe('EDGE_TEMPLATE_FORBIDDEN');
    expect(await code('{{ range.__globals__ }}')).toBe('EDGE_TEMPLATE_FORBIDDEN');
    expect(await code('{{ [].constructor }}')).toBe('EDGE_UNDEFINED_VARIABLE');
    expect(await code('{{ {}.__proto__ }}')).toBe('EDGE_UNDEFINED_VARIABLE');
  });
});
