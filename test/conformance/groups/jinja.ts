import { readFileSync } from 'node:fs';
import type { Diagnostic } from '@edge-run/shared/kernel';
import { createJinja, dumpYaml, type Jinja, loadYaml, type RenderRequest } from '@edge-run/shared/render';
import { PyMap, type Value } from '@edge-run/shared/values';
import { readOrdered } from '../../support/ordered-json.ts';
import type { CaseFile, CaseResult, ConformanceGroup } from '../runner.ts';

/** Templates and what Jinja2 under Salt's options makes of them. */
export const group: ConformanceGroup = {
  async *run(files) {
    const jinja = createJinja({ loadYaml, dumpYaml });
    for (const file of files) yield* runFile(file, jinja);
  },
};

async function* runFile(file: CaseFile, jinja: Jinja): AsyncGenerator<CaseResult> {
  const content = readOrdered(readFileSync(file.path, 'utf8')) as PyMap;
  for (const item of content.get('cases') as PyMap[]) {
    const name = item.get('name') as string;
    if (item.has('salt_bug')) {
      yield { name, outcome: 'ignored' };
      continue;
    }
    const difference = await runCase(item, jinja);
    yield difference === undefined ? { name, outcome: 'passed' } : { name, outcome: 'failed', difference };
  }
}

async function runCase(item: PyMap, jinja: Jinja): Promise<string | undefined> {
  const { value, diagnostics } = await jinja.renderText(requestOf(item));
  const [first] = diagnostics;
  const expected = item.get('expected');
  if (typeof expected === 'string') {
    if (value?.text === expected) return undefined;
    const got = value ? JSON.stringify(value.text) : `${first?.code} ${first?.summary}`;
    return `${JSON.stringify(item.get('template'))}\n  expected ${JSON.stringify(expected)}\n  got      ${got}`;
  }
  const error = item.get('error') as PyMap;
  const wanted = `${String(error.get('class'))}: ${String(error.get('message'))} (line ${String(error.get('line'))})`;
  if (value)
    return `${JSON.stringify(item.get('template'))}\n  expected ${wanted}\n  got      ${JSON.stringify(value.text)}`;
  const difference = errorDifference(error, first!);
  return difference && `${JSON.stringify(item.get('template'))}\n  expected ${wanted}\n  got      ${difference}`;
}

function errorDifference(error: PyMap, got: Diagnostic): string | undefined {
  const described = `${got.code}: ${got.summary} (line ${got.source?.line})`;
  const type = String(error.get('class'));
  // A quirk of Salt: its message about bad YAML or JSON fails itself.
  if (type !== 'AttributeError' && kindOfClass(error) !== kindOfCode(got.code)) return described;
  const line = error.get('line');
  if (line === null || line === 0 || line === undefined) return undefined;
  return got.source?.line === line ? undefined : described;
}

function kindOfClass(error: PyMap): string {
  switch (error.get('class')) {
    case 'TemplateSyntaxError':
      return 'syntax';
    case 'UndefinedError':
      return 'undefined';
    case 'SaltRenderError':
      return /is undefined|has no attribute/.test(String(error.get('message'))) ? 'undefined' : 'runtime';
    default:
      return 'runtime';
  }
}

function kindOfCode(code: string): string {
  if (code === 'EDGE_TEMPLATE_SYNTAX') return 'syntax';
  return code === 'EDGE_UNDEFINED_VARIABLE' ? 'undefined' : 'runtime';
}

function requestOf(item: PyMap): RenderRequest {
  const files = (item.get('files') as PyMap | undefined) ?? new PyMap();
  const context = (item.get('context') as PyMap | undefined) ?? new PyMap();
  const sls = item.get('sls') as string | undefined;
  const path = (item.get('tmplpath') as string | undefined) ?? 'template';
  return {
    text: item.get('template') as string,
    path,
    ...(sls === undefined ? {} : { sls }),
    saltenv: 'base',
    grains: new PyMap(),
    pillar: new PyMap(),
    opts: new PyMap(),
    variables: new Map([...context].map(([name, value]) => [String(name), value])),
    calls: NO_CALLS,
    loader: {
      load: (name) => {
        const text = files.get(name);
        return Promise.resolve(typeof text === 'string' ? { text, path: name } : undefined);
      },
    },
  };
}

const NO_CALLS = {
  has: (): boolean => false,
  names: (): Iterable<string> => [],
  call: (name: string): Value => {
    throw new Error(`no function ${name}`);
  },
};
