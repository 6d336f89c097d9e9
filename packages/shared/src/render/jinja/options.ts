import { type Compiled, compiled, type Diagnostic } from '../../kernel/index.ts';
import { didYouMean } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { JinjaOptions, RenderRequest } from '../contract.ts';
import { truth } from './runtime/operands.ts';

/** Names of Jinja's environment that are understood, and what they are called here. */
const KNOWN: ReadonlyMap<string, keyof JinjaOptions> = new Map([
  ['trim_blocks', 'trimBlocks'],
  ['lstrip_blocks', 'lstripBlocks'],
  ['line_statement_prefix', 'lineStatementPrefix'],
  ['line_comment_prefix', 'lineCommentPrefix'],
]);

/** Names of Jinja's environment that cannot be changed, and the value they have. */
const FIXED: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['block_start_string', '{%'],
  ['block_end_string', '%}'],
  ['variable_start_string', '{{'],
  ['variable_end_string', '}}'],
  ['comment_start_string', '{#'],
  ['comment_end_string', '#}'],
  ['newline_sequence', '\n'],
  ['keep_trailing_newline', false],
]);

/**
 * The Jinja options a template is rendered with: those of the request, or else what the configuration (`opts`) says
 * (Salt 3006 utils/templates.py, render_jinja_tmpl): `jinja_sls_env` where the template is an SLS, `jinja_env`
 * elsewhere, `jinja_trim_blocks` and `jinja_lstrip_blocks` everywhere, `allow_undefined`. A name Jinja does not have is a
 * warning, as in Salt; one that cannot be changed here is an error.
 */
export function jinjaOptions({ jinja, opts, sls, variables }: RenderRequest): Compiled<JinjaOptions> {
  if (jinja !== undefined) return compiled(jinja);
  const name = isText(sls) || isText(variables?.get('sls')) ? 'jinja_sls_env' : 'jinja_env';
  const environment = opts.get(name);
  const diagnostics: Diagnostic[] = [];
  const options: Record<string, unknown> = {};
  for (const [written, value] of environment instanceof PyMap ? environment : []) {
    const key = String(written).toLowerCase();
    const known = KNOWN.get(key);
    if (known === undefined) diagnostics.push(...remarks(name, key, value));
    else if (known.endsWith('Blocks')) options[known] = truth(value);
    else if (isText(value)) options[known] = value;
  }
  if (isOn(opts, 'jinja_trim_blocks')) options.trimBlocks = true;
  if (isOn(opts, 'jinja_lstrip_blocks')) options.lstripBlocks = true;
  if (isOn(opts, 'allow_undefined')) options.allowUndefined = true;
  return compiled(options as JinjaOptions, diagnostics);
}

function isOn(opts: PyMap, name: string): boolean {
  return truth(opts.get(name) ?? null);
}

function isText(value: Value | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

function remarks(option: string, key: string, value: Value): readonly Diagnostic[] {
  const fixed = FIXED.get(key);
  if (fixed === value) return [];
  const names = [...KNOWN.keys()];
  return [
    {
      severity: fixed === undefined ? 'warning' : 'error',
      code: 'EDGE_CONFIG_INVALID',
      summary:
        fixed === undefined
          ? `${option}: Jinja has no option \`${key}\``
          : `${option}: \`${key}\` cannot be changed; it is ${JSON.stringify(fixed)}`,
      detail: (fixed === undefined && didYouMean(key, names)) || `options: ${names.join(', ')}`,
    },
  ];
}
