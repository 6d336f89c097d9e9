import { PyMap, type Value } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';
import { renderRequest, type TestRender, testJinja } from '../../../../support/jinja.ts';

const jinja = testJinja();

async function render(text: string, options: TestRender = {}): Promise<string> {
  const { value, diagnostics } = await jinja.renderText(renderRequest(text, options));
  expect(diagnostics).toEqual([]);
  return value!.text;
}

const later = (value: Value): Promise<Value> => new Promise((resolve) => setTimeout(() => resolve(value), 1));

describe('jinja rendering', () => {
  test('calls that answer later are awaited wherever an expression stands', async () => {
    const functions = {
      'x.list': () => later([1, 2, 3]),
      'x.odd': (n: Value) => later(Number(n) % 2 === 1),
      'x.id': (v: Value) => later(v),
    };
    const text = [
      "{% macro m(a=salt['x.id']('d')) %}<{{ salt.x.id(a) }}>{% endmacro %}",
      "{% for n in salt['x.list']() if salt['x.odd'](n) %}{{ loop.index }}:{{ n }} {% endfor %}",
      "{{ m() }}{{ m(salt['x.id'](salt['x.id'](5))) }}",
      "{% if salt['x.odd'](1) and not salt['x.odd'](2) %}yes{% endif %}",
      "{{ {'k': salt['x.id']('v')}.k ~ [salt['x.id'](1)][0] }}",
      "{% set q %}{{ salt['x.id']('block') }}{% endset %}{{ q }}",
      '{% call m() %}{% endcall %}',
    ];
    expect(await render(text.slice(0, -1).join(''), { functions })).toBe('1:1 2:3 <d><5>yesv1block');
  });

  test('values reach functions as data and changes made by templates stay', async () => {
    const seen: Value[] = [];
    const list: Value[] = [1];
    const functions = { 'x.take': (value: Value) => seen.push(value) };
    await render(
      "{% do l.append(2) %}{% do salt['x.take'](l) %}{% do salt['x.take'](d.keys()) %}{% do salt['x.take']('a'|json) %}",
      {
        functions,
        variables: { l: list, d: new PyMap([['k', 1]]) },
      },
    );
    expect(list).toEqual([1, 2]);
    expect(seen).toEqual([[1, 2], ['k'], '"a"']);
  });

  test('cmd.run is the shell, as in Salt', async () => {
    const functions = { 'cmd.run': () => 'argv', 'cmd.shell': () => 'shell' };
    expect(await render("{{ salt['cmd.run']('x') }} {{ salt.cmd.run('x') }}", { functions })).toBe('shell shell');
  });

  test('renders share nothing: many at once give what each gives alone', async () => {
    const functions = { 'x.id': (v: Value) => later(v) };
    const text =
      '{% set ns = namespace(n=0) %}{% for i in range(5) %}{% set ns.n = ns.n + salt["x.id"](who) %}{% endfor %}{{ ns.n }}{{ grains.id }}';
    const runs = Array.from({ length: 20 }, (_, who) =>
      render(text, { functions, variables: { who }, grains: new PyMap([['id', `m${who}`]]) }),
    );
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 20 }, (_, who) => `${who * 5}m${who}`));
  });

  test('allowUndefined prints nothing for missing names but still refuses their members', async () => {
    expect(
      await render('[{{ nope }}{{ nope|length }}{% for x in nope %}x{% endfor %}]', {
        jinja: { allowUndefined: true },
      }),
    ).toBe('[0]');
    const { diagnostics } = await jinja.renderText(renderRequest('{{ nope.a }}', { jinja: { allowUndefined: true } }));
    expect(diagnostics).toMatchObject([{ code: 'EDGE_UNDEFINED_VARIABLE' }]);
  });

  test('show_full_context answers every name with plain values', async () => {
    const text = await render('{{ show_full_context() | json }}', {
      variables: { data: new PyMap([['a', [1, null]]]) },
    });
    expect(JSON.parse(text)).toMatchObject({
      data: { a: [1, null] },
      saltenv: 'base',
      grains: {},
      salt: expect.stringContaining('Loader'),
      range: expect.stringContaining('function range'),
    });
  });

  test('the names of an SLS come from its dotted name and path', async () => {
    const text =
      '{{ sls }} {{ slspath }} {{ slsdotpath }} {{ slscolonpath }} {{ sls_path }} {{ tplfile }} {{ tpldir }} {{ tpldot }} {{ saltenv }} {{ pillarenv }}';
    expect(await render(text, { path: 'a/b/init.sls', sls: 'a.b' })).toBe(
      'a.b a/b a.b a:b a_b a/b/init.sls a/b a.b base None',
    );
    expect(await render(text, { path: 'a/b.sls', sls: 'a.b' })).toBe('a.b a a a a a/b.sls a a base None');
  });

  test('relative names are resolved against the directory of the template', async () => {
    const files = {
      'web/map.jinja': '{% from "../lib.jinja" import v %}{% set w = v ~ "!" %}',
      'lib.jinja': '{% set v = 1 %}',
    };
    expect(await render('{% from "./map.jinja" import w %}{{ w }}', { files, path: 'web/init.sls', sls: 'web' })).toBe(
      '1!',
    );
  });

  test('seeded samples are those of Python', async () => {
    expect(await render('{{ [1,2,3,4,5]|random_sample(3, seed=1) }}')).toBe('[2, 1, 5]');
    expect(await render('{{ range(10)|list|random_sample(4, seed="x") }}')).toBe('[5, 7, 1, 6]');
    expect(await render('{{ (range(100)|list|random_sample(50, seed="static"))[:5] }}')).toBe('[71, 69, 83, 48, 29]');
  });

  test('the same text compiles once and a changed one anew', async () => {
    const text = 'v{{ 1 }}';
    expect(await render(text)).toBe('v1');
    expect(await render(text)).toBe('v1');
    expect(await render('v{{ 2 }}')).toBe('v2');
    expect(await render('  {% if true %}\nx\n  {% endif %}\n')).toBe('  \nx\n  \n');
    expect(
      await render('  {% if true %}\nx\n  {% endif %}\n', { jinja: { trimBlocks: true, lstripBlocks: true } }),
    ).toBe('x\n\n');
  });
});

describe('jinja origins', () => {
  async function origins(text: string, options: TestRender = {}): Promise<string[]> {
    const { value } = await jinja.renderText(renderRequest(text, options));
    return value!.text
      .split('\n')
      .slice(0, -1)
      .map((_, at) => {
        const place = value!.origin(at + 1);
        return place ? `${place.file}:${place.line}` : '?';
      });
  }

  test('lines of a loop go back to its body', async () => {
    expect(await origins('a\n{% for i in [1, 2] -%}\nb{{ i }}\nc\n{% endfor -%}\nd\n')).toEqual([
      'main.sls:1',
      'main.sls:3',
      'main.sls:4',
      'main.sls:3',
      'main.sls:4',
      'main.sls:6',
    ]);
  });

  test('lines of an included file and of an imported macro go back to those files', async () => {
    const files = { inc: 'i1\ni2\n', lib: '{% macro m() -%}\nm1\nm2\n{%- endmacro %}' };
    const text = '{% from "lib" import m -%}\na\n{% include "inc" %}\n{{ m() }}\nz\n';
    expect(await origins(text, { files })).toEqual(['main.sls:2', 'inc:1', 'inc:2', 'lib:2', 'lib:3', 'main.sls:5']);
  });
});
