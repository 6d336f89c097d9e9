import { PyMap, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { renderRequest, type TestRender, testJinja } from '../../../../support/jinja.ts';

const TEXT = '  {% if true %}\nx\n  {% endif %}\n';
const { renderText } = testJinja();
const render = (text: string, options: TestRender) => renderText(renderRequest(text, options));
const opts = (plain: Readonly<Record<string, Value>>): PyMap => new PyMap(Object.entries(plain));
const blocks = opts({ trim_blocks: true, LSTRIP_BLOCKS: true });

/** Salt 3006 utils/templates.py, render_jinja_tmpl. */
describe('the Jinja options of a configuration', () => {
  it.each<[string, PyMap, string | undefined, string]>([
    ['none', opts({}), 'x', '  \nx\n  \n'],
    ['jinja_sls_env for an SLS', opts({ jinja_sls_env: blocks }), 'x', 'x\n\n'],
    ['jinja_sls_env for other files', opts({ jinja_sls_env: blocks }), undefined, '  \nx\n  \n'],
    ['jinja_env for other files', opts({ jinja_env: blocks }), undefined, 'x\n\n'],
    ['jinja_env for an SLS', opts({ jinja_env: blocks }), 'x', '  \nx\n  \n'],
    ['jinja_trim_blocks', opts({ jinja_trim_blocks: true }), 'x', '  x\n  \n'],
    ['jinja_lstrip_blocks', opts({ jinja_lstrip_blocks: true }), undefined, '\nx\n\n'],
    [
      'the older options over the newer',
      opts({ jinja_sls_env: opts({ trim_blocks: false }), jinja_trim_blocks: true }),
      'x',
      '  x\n  \n',
    ],
    ['something else than a mapping', opts({ jinja_sls_env: 'trim_blocks' }), 'x', '  \nx\n  \n'],
  ])('%s', async (_, given, sls, wanted) => {
    const { value } = await render(TEXT, { opts: given, ...(sls === undefined ? {} : { sls }) });
    expect(value?.text).toBe(wanted);
  });

  it('takes line prefixes, and allow_undefined', async () => {
    const environment = opts({ line_statement_prefix: '%', line_comment_prefix: '##' });
    const given = opts({ jinja_env: environment, allow_undefined: true });
    const { value } = await render('% if true\n[{{ nobody }}] ## said to nobody\n% endif\n', { opts: given });
    expect(value?.text).toBe('[]\n\n');
  });

  it('is overruled by what a request says itself', async () => {
    const { value } = await render(TEXT, { opts: opts({ jinja_env: blocks }), jinja: {} });
    expect(value?.text).toBe('  \nx\n  \n');
  });

  it('warns of a name Jinja does not have, and fails on one that cannot be changed', async () => {
    const misspelt = await render('x', {
      opts: opts({ jinja_env: opts({ trim_block: true, comment_end_string: '#}' }) }),
    });
    expect(misspelt.value?.text).toBe('x');
    expect(misspelt.diagnostics).toMatchObject([{ severity: 'warning', detail: 'did you mean `trim_blocks`?' }]);
    const fixed = await render('x', { opts: opts({ jinja_env: opts({ comment_end_string: '*/' }) }) });
    expect(fixed).toMatchObject({
      value: undefined,
      diagnostics: [{ severity: 'error', code: 'EDGE_CONFIG_INVALID' }],
    });
  });
});
