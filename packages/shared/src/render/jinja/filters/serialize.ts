import { errorMessage } from '../../../kernel/index.ts';
import { PyMap, PyTuple } from '../../../values/index.ts';
import type { Env } from '../runtime/env.ts';
import { toValue } from '../runtime/export.ts';
import { PyFault, typeError } from '../runtime/fault.ts';
import { sequence } from '../runtime/iterate.ts';
import { TemplateModule } from '../runtime/module.ts';
import { truth } from '../runtime/operands.ts';
import { str } from '../runtime/print.ts';
import { define } from '../runtime/signature.ts';
import { type Builtin, Markup, textOf, Undefined } from '../runtime/types.ts';
import { dumpJson, type JsonOptions, jsonText } from './json.ts';
import { parseJson } from './json-parse.ts';
import { prettyPrint } from './pprint.ts';
import { formatXml } from './xml.ts';

function dumpYaml(env: Env, value: unknown, flow: boolean): Markup {
  if (value instanceof Undefined) return new Markup('NULL');
  const text = env.serializers.dumpYaml(toValue(value), { flowStyle: flow }).trim();
  return new Markup(text.endsWith('\n...') ? text.slice(0, -4) : text);
}

function loadYaml(env: Env, value: unknown): unknown {
  const text = value instanceof TemplateModule ? value.text : textOf(value);
  if (text === undefined) {
    if (value instanceof Undefined) throw value.fault();
    throw typeError('a string or stream input is required');
  }
  try {
    return env.serializers.loadYaml(text);
  } catch (cause) {
    throw Object.assign(new PyFault('YamlError', `Encountered error loading yaml: ${errorMessage(cause)}`), { cause });
  }
}

function loadJson(value: unknown): unknown {
  const text = value instanceof TemplateModule ? value.text : textOf(value);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (parsed === undefined) throw new PyFault('TemplateRuntimeError', `Unable to load json from ${str(value)}`);
  return parsed;
}

function slsParams(env: Env, value: unknown, flow: boolean): Markup {
  if (!(value instanceof PyMap)) throw typeError('dict_to_sls_yaml_params needs a mapping');
  return dumpYaml(
    env,
    [...value].map((pair) => new PyMap([pair])),
    flow,
  );
}

function yamlEncode(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  const text = textOf(value);
  if (text !== undefined) return yamlDoubleQuote(text);
  if (value instanceof PyMap || Array.isArray(value) || value instanceof PyTuple)
    throw typeError(`yaml_encode() only works with YAML scalar data; failed for ${str(value)}`);
  return str(value);
}

function yamlDoubleQuote(text: string): string {
  return jsonText(text, false);
}

function dumpOptions(sort: unknown, indent: unknown, ascii: boolean, separators: unknown = null): JsonOptions {
  return {
    sortKeys: truth(sort),
    indent: indent === null ? null : typeof indent === 'number' ? indent : str(indent),
    ascii,
    ...(separators === null ? {} : { separators: sequence(separators).map(str) as [string, string] }),
  };
}

/** Salt's serializers. */
export const SERIALIZER_FILTERS: readonly Builtin[] = [
  define('yaml(value, flow_style=True)', (env: Env, value: unknown, flow: unknown) =>
    dumpYaml(env, value, truth(flow)),
  ),
  define(
    'json(value, sort_keys=True, indent=None)',
    (_env, value: unknown, sort: unknown, indent: unknown) =>
      new Markup(dumpJson(value, dumpOptions(sort, indent, false)).trim()),
  ),
  define('xml(value)', (_env, value: unknown) => new Markup(formatXml(value))),
  define('python(value)', (_env, value: unknown) => new Markup(prettyPrint(value).trim())),
  define('load_yaml(value)', (env: Env, value: unknown) => loadYaml(env, value)),
  define('load_json(value)', (_env, value: unknown) => loadJson(value)),
  define('load_text(value)', (_env, value: unknown) => (value instanceof TemplateModule ? value.text : value)),
  define('dict_to_sls_yaml_params(value, flow_style=False)', (env: Env, value: unknown, flow: unknown) =>
    slsParams(env, value, truth(flow)),
  ),
  define(
    'tojson(val, indent=None, **options)',
    (_env, value: unknown, indent: unknown, options: ReadonlyMap<string, unknown>) =>
      dumpJson(
        value,
        dumpOptions(
          options.get('sort_keys') ?? false,
          indent,
          truth(options.get('ensure_ascii') ?? true),
          options.get('separators') ?? null,
        ),
      )
        .replaceAll('<', '\\u003c')
        .replaceAll('>', '\\u003e')
        .replaceAll('&', '\\u0026')
        .replaceAll("'", '\\u0027'),
  ),
  define('yaml_encode(data)', (_env, value: unknown) => yamlEncode(value)),
  define('yaml_dquote(text)', (_env, value: unknown) => yamlDoubleQuote(str(value))),
  define('yaml_squote(text)', (_env, value: unknown) => `'${str(value).replaceAll("'", "''")}'`),
];
