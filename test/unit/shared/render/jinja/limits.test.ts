import { describe, expect, test } from 'vitest';
import { renderRequest, type TestRender, testJinja } from '../../../../support/jinja.ts';

const jinja = testJinja();
const LONGEST_TURN_MS = 1000;

/** Renders and answers the first diagnostic's code, with the longest time the event loop was kept. */
async function measured(text: string, options: TestRender = {}): Promise<{ code: string; longestMs: number }> {
  let last = performance.now();
  let longestMs = 0;
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 5);
  const { diagnostics } = await jinja.renderText(renderRequest(text, { limits: { deadlineMs: 2000 }, ...options }));
  clearInterval(timer);
  return { code: diagnostics[0]?.code ?? 'none', longestMs: Math.max(longestMs, performance.now() - last) };
}

describe('jinja limits', () => {
  test.each([
    ['nested loops', '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}'],
    ['a list that grows while it is iterated', '{% set l = [1] %}{% for i in l %}{% do l.append(1) %}{% endfor %}'],
    ['a macro without an end', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
    ['a text repeated', '{{ "x" * 1000000000 }}'],
    ['a text doubled', '{% set n = namespace(s="x") %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}'],
    ['a list repeated', '{{ [1] * 1000000000 }}'],
    ['a huge integer', '{{ 99999999 ** 99999 }}'],
    ['a field width', '{{ "%1000000000d" % 1 }}'],
    ['a format width', '{{ "{:1000000000}".format(1) }}'],
    ['all permutations', '{{ range(1000)|permutations(5)|list|length }}'],
    ['an impossible pattern', '{{ ("a" * 30)|regex_search("(?=(a+)+b)(a+)+c") }}'],
  ])('%s ends in EDGE_RENDER_LIMIT', async (_name, text) => {
    const { code, longestMs } = await measured(text);
    expect(code).toBe('EDGE_RENDER_LIMIT');
    expect(longestMs).toBeLessThan(LONGEST_TURN_MS);
  });

  test('a template that includes itself ends', async () => {
    const { code } = await measured('{% include "a" %}', { files: { a: '{% include "a" %}' } });
    expect(code).toBe('EDGE_RENDER_LIMIT');
  });

  test('templates that import each other end', async () => {
    const files = { a: '{% import "b" as b %}', b: '{% import "a" as a %}' };
    expect((await measured('{% import "a" as a %}', { files })).code).toBe('EDGE_RENDER_LIMIT');
  });

  test('catastrophic patterns run in linear time', async () => {
    const { value } = await jinja.renderText(
      renderRequest('{{ ("a" * 5000 ~ "!")|regex_match("(a+)+$") }}{{ ("x" * 20000)|regex_search("x*x*x*y") }}'),
    );
    expect(value?.text).toBe('NoneNone');
  });

  test('a call that never answers ends at the deadline', async () => {
    const functions = { 'x.y': () => new Promise<never>(() => {}) };
    const { code } = await measured('{{ salt["x.y"]() }}', { functions, limits: { deadlineMs: 50 } });
    expect(code).toBe('EDGE_RENDER_LIMIT');
  });

  test('an aborted signal ends the render as cancelled', async () => {
    const controller = new AbortController();
    const functions = {
      'x.y': () => {
        controller.abort();
        return new Promise<never>(() => {});
      },
    };
    const { code } = await measured('{{ salt["x.y"]() }}', { functions, signal: controller.signal });
    expect(code).toBe('EDGE_CANCELLED');
  });

  test('maxIterations bounds passes over all loops together', async () => {
    const text = '{% for i in range(20) %}{% for j in range(20) %}.{% endfor %}{% endfor %}';
    expect((await measured(text, { limits: { maxIterations: 100 } })).code).toBe('EDGE_RENDER_LIMIT');
    expect((await measured(text, { limits: { maxIterations: 1000 } })).code).toBe('none');
  });

  test('deep expressions are refused, not a crash', async () => {
    const deep = `{{ ${'('.repeat(3000)}1${')'.repeat(3000)} }}`;
    expect((await measured(deep)).code).toBe('EDGE_TEMPLATE_SYNTAX');
    expect((await measured(`{{ 1${'+1'.repeat(20_000)} }}`)).code).not.toBe('EDGE_INTERNAL');
  });

  test('filters refuse what would keep the event loop', async () => {
    const refused = ["('ab' * 2000000)|replace('a', 'b')", '([1] * 60000)|yaml', "('ab' * 20000)|wordwrap(10)"];
    for (const expression of refused) expect((await measured(`{{ ${expression} }}`)).code).toBe('EDGE_RENDER_LIMIT');
    const text = "{{ (range(50000)|list|reverse|sort)[:2] }}{{ ('ab' * 6)|wordwrap(5) }}{{ ['b', 'A']|sort }}";
    const { value } = await testJinja().renderText(renderRequest(text));
    expect(value?.text).toBe("[0, 1]ababa\nbabab\nab['A', 'b']");
  });

  test('methods and operators refuse what would keep the event loop', async () => {
    const doubled = '{% set a = namespace(x=[1], y=[1], t=(1,)) %}{% for i in range(40) %}{% set a.x = [a.x, a.x] %}';
    const shared = `${doubled}{% set a.y = [a.y, a.y] %}{% set a.t = (a.t, a.t) %}{% endfor %}`;
    const refused = [
      "{{ ('ab c' * 900000).title() }}",
      "{{ ('ab c' * 900000).split() }}",
      "{{ ['ab\\n' * 900000] }}",
      `${shared}{{ a.x == a.y }}`,
      `${shared}{{ a.x }}`,
      `${shared}{{ {a.t: 1} }}`,
    ];
    for (const text of refused) expect((await measured(text)).code, text).toBe('EDGE_RENDER_LIMIT');
    const text = "{% set t = 'ab ' * 1000000 %}{{ t[1:].upper().strip()[-4:] }}{{ (t ~ t)|length }}{{ t[1:] == t }}";
    expect((await testJinja().renderText(renderRequest(text))).value?.text).toBe('B AB6000000False');
  });

  test('heavy operators in a row let others have their turn', async () => {
    let turns = 0;
    const beat = setInterval(() => {
      turns += 1;
    }, 1);
    await measured(`{% set t = 'ab ' * 2000000 %}${'{{ t.upper() == t|lower }}'.repeat(100)}`);
    clearInterval(beat);
    expect(turns).toBeGreaterThan(3);
  });

  test('heavy filters in a row let others have their turn', async () => {
    let turns = 0;
    const beat = setInterval(() => {
      turns += 1;
    }, 1);
    await measured(
      `{% for i in range(9) %}${"{% set x = range(40000)|map('string')|sort|unique|sort|list %}"}{% endfor %}`,
    );
    clearInterval(beat);
    expect(turns).toBeGreaterThan(9);
  });
});
