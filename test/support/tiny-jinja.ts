import { compiled, errorMessage, notCompiled } from '@edge-run/shared/kernel';
import type { RenderText } from '@edge-run/shared/render';
import { type PlainValue, toPlain } from '@edge-run/shared/values';
import nunjucks from 'nunjucks';

/** Just enough of Jinja for tests that are not about templates: variables, `if`, `for` and a few filters. */
export const tinyJinja: RenderText = async ({ text, path, variables, grains, pillar, opts }) => {
  const environment = new nunjucks.Environment(null, { autoescape: false, throwOnUndefined: true });
  const context: Record<string, PlainValue> = { grains: toPlain(grains), pillar: toPlain(pillar), opts: toPlain(opts) };
  for (const [name, value] of variables ?? []) context[name] = toPlain(value);
  const asPython = text.replace(/\{\{ (\w+ is defined) \}\}/g, "{{ 'True' if $1 else 'False' }}");
  try {
    const rendered = environment.renderString(asPython, { ...context, salt: {} });
    return compiled({ text: rendered, origin: () => undefined });
  } catch (error) {
    return notCompiled([
      {
        severity: 'error',
        code: 'EDGE_BAD_ARGUMENT',
        summary: errorMessage(error),
        detail: '',
        source: { file: path, line: 1 },
      },
    ]);
  }
};
