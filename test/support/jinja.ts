import { createJinja, dumpYaml, type Jinja, loadYaml, type RenderRequest } from '@edge-run/shared/render';
import { PyMap, type Value } from '@edge-run/shared/values';

/** What a test says of a render; the rest is empty. */
export interface TestRender extends Partial<Omit<RenderRequest, 'text' | 'loader' | 'calls' | 'variables'>> {
  readonly files?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, Value>>;
  /** `salt[name]`. */
  readonly functions?: Readonly<Record<string, (...args: readonly Value[]) => Value | Promise<Value>>>;
}

/** An engine over plain YAML. */
export function testJinja(): Jinja {
  return createJinja({ loadYaml, dumpYaml });
}

/** A whole request for `text`. */
export function renderRequest(
  text: string,
  { files = {}, variables = {}, functions = {}, ...rest }: TestRender = {},
): RenderRequest {
  return {
    text,
    path: 'main.sls',
    saltenv: 'base',
    grains: new PyMap(),
    pillar: new PyMap(),
    opts: new PyMap(),
    ...rest,
    variables: new Map(Object.entries(variables)),
    calls: {
      has: (name) => Object.hasOwn(functions, name),
      names: () => Object.keys(functions),
      call: (name, args) => functions[name]!(...args),
    },
    loader: {
      load: (name) => Promise.resolve(Object.hasOwn(files, name) ? { text: files[name]!, path: name } : undefined),
    },
  };
}
