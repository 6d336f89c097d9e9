import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { requireCompiled } from '@edge-run/shared/kernel';
import type { ExecutionModule, ModuleContext } from '@edge-run/shared/modules/contract';
import {
  configFunctions,
  grainsFunctions,
  mergingFunctions,
  pillarFunctions,
} from '@edge-run/shared/modules/execution';
import { createJinja, dumpYaml, loadYaml, type RenderRequest, type TemplateCalls } from '@edge-run/shared/render';
import { parseArguments } from '@edge-run/shared/schema';
import { fromPlain, PyMap, PyTuple, type Value } from '@edge-run/shared/values';
import { FakeHost } from '../../support/fake-host.ts';
import { moduleContext } from '../../support/module-context.ts';
import { readOrdered } from '../../support/ordered-json.ts';
import type { CaseResult, ManifestGroup } from '../runner.ts';

/** Functions that work as they do on a host; every other name of `salt` is a stub. */
const REAL_NAMES: ReadonlySet<string> = new Set([
  ...['get', 'item', 'items', 'keys', 'fetch'].map((name) => `pillar.${name}`),
  ...['config.get', 'config.option', 'defaults.merge', 'slsutil.merge', 'slsutil.update'],
  ...['get', 'item', 'items', 'has_value', 'filter_by'].map((name) => `grains.${name}`),
]);
const REAL: ReadonlyMap<string, ExecutionModule> = new Map(
  [...pillarFunctions, ...configFunctions, ...grainsFunctions, ...mergingFunctions]
    .filter(({ name }) => REAL_NAMES.has(name))
    .map((module) => [module.name, module]),
);

/** What the cases of a manifest share. */
interface Manifest {
  readonly grains: PyMap;
  readonly opts: PyMap;
  readonly absent: ReadonlySet<Value>;
  readonly values: PyMap;
  readonly fallback: Value;
  pillarOf(repo: string): PyMap;
}

/** Whole trees of templates and the text Jinja2 under Salt's options makes of each file. */
export const group: ManifestGroup = {
  async *runManifest(path, root) {
    const content = readManifestJson(path);
    const manifest = manifestOf(content, dirname(path));
    const jinja = createJinja({ loadYaml, dumpYaml });
    for (const item of content.get('cases') as PyMap[]) yield await runCase(item, manifest, root, jinja);
  },
};

async function runCase(
  item: PyMap,
  manifest: Manifest,
  root: string,
  jinja: ReturnType<typeof createJinja>,
): Promise<CaseResult> {
  const name = String(item.get('id'));
  const expected = item.get('expected');
  const { value, diagnostics } = await jinja.renderText(requestOf(item, manifest, root));
  const [first] = diagnostics;
  if (typeof expected === 'string') {
    if (value?.text === expected) return { name, outcome: 'passed' };
    const { file, line } = first?.source ?? { file: name, line: 0 };
    const difference =
      value === undefined ? `${file}:${line}: ${first?.code} ${first?.summary}` : firstDifference(expected, value.text);
    return { name, outcome: 'failed', difference };
  }
  if (value === undefined) return { name, outcome: 'passed' };
  return { name, outcome: 'failed', difference: `expected an error: ${shown(item.get('error'))}` };
}

function requestOf(item: PyMap, manifest: Manifest, root: string): RenderRequest {
  const id = String(item.get('id'));
  const roots = ((item.get('roots') ?? []) as Value[]).map(String);
  const sls = item.get('sls');
  const text = readFileSync(join(root, id), 'utf8');
  const [grains, opts] = [copied(manifest.grains) as PyMap, copied(manifest.opts) as PyMap];
  const pillar = copied(manifest.pillarOf(String(item.get('repo')))) as PyMap;
  const sources = new Set([text]);
  return {
    text,
    path: belowRoot(id, roots),
    ...(typeof sls === 'string' ? { sls } : {}),
    saltenv: 'base',
    grains,
    pillar,
    opts,
    calls: callsOf(manifest, { grains, pillar, opts }, sources),
    loader: {
      load: (name) => {
        const found = roots.map((folder) => join(root, folder, name)).find(isFile);
        if (found === undefined) return Promise.resolve(undefined);
        const loaded = readFileSync(found, 'utf8');
        sources.add(loaded);
        return Promise.resolve({ text: loaded, path: name });
      },
    },
  };
}

/** `sources` are the templates read so far: what they call as `salt.module.function` has to be listed by name. */
function callsOf(
  { absent, values, fallback }: Manifest,
  { grains, pillar, opts }: { readonly grains: PyMap; readonly pillar: PyMap; readonly opts: PyMap },
  sources: ReadonlySet<string>,
): TemplateCalls {
  const ctx: ModuleContext = moduleContext(new FakeHost(), {
    extra: {
      facts: grains,
      opts,
      pillar: { data: pillar, get: (path, otherwise = '') => pillar.get(path) ?? otherwise },
    },
  });
  const has = (name: string): boolean => REAL.has(name) || !absent.has(name);
  return {
    has,
    *names() {
      yield* REAL.keys();
      for (const text of sources)
        for (const [, name] of text.matchAll(/\bsalt\s*\.\s*(\w+\.\w+)/g)) if (has(name!)) yield name!;
    },
    call: async (name, args, kwargs) => {
      const module = REAL.get(name);
      if (module === undefined) return copied(stubbed(values, name) ?? fallback);
      const bound = requireCompiled(parseArguments(module, { args, kwargs }));
      return fromPlain(await module.run(bound as never, ctx as never));
    },
  };
}

/** Templates reach `cmd.run` through the shell, under which name it may be listed. */
function stubbed(values: PyMap, name: string): Value | undefined {
  return values.get(name) ?? (name === 'cmd.shell' ? values.get('cmd.run') : undefined);
}

function manifestOf(content: PyMap, dir: string): Manifest {
  const stubs = (content.get('stubs') ?? new PyMap()) as PyMap;
  const pillars = new Map<string, PyMap>();
  return {
    grains: (content.get('grains') ?? new PyMap()) as PyMap,
    opts: (content.get('opts') ?? new PyMap()) as PyMap,
    absent: new Set((stubs.get('absent') ?? []) as Value[]),
    values: (stubs.get('values') ?? new PyMap()) as PyMap,
    fallback: stubs.get('default') ?? null,
    pillarOf: (repo) => {
      const path = join(dir, `pillar.${repo}.json`);
      const known = pillars.get(repo) ?? (isFile(path) ? readManifestJson(path) : new PyMap());
      pillars.set(repo, known);
      return known;
    },
  };
}

function readManifestJson(path: string): PyMap {
  return pythonForms(readOrdered(readFileSync(path, 'utf8'))) as PyMap;
}

/** A manifest's own forms: mappings as pairs, and tuples. */
function pythonForms(value: Value): Value {
  if (Array.isArray(value)) return value.map(pythonForms);
  if (!(value instanceof PyMap)) return value;
  const pairs = value.size === 1 ? value.get('__pydict__') : undefined;
  if (Array.isArray(pairs))
    return new PyMap((pairs as Value[][]).map(([key, item]) => [pythonForms(key!), pythonForms(item!)]));
  const items = value.size === 1 ? value.get('__pytuple__') : undefined;
  if (Array.isArray(items)) return new PyTuple(items.map(pythonForms));
  return new PyMap([...value].map(([key, item]) => [key, pythonForms(item)]));
}

/** Templates change what they are given: each case has its own. */
function copied(value: Value): Value {
  if (Array.isArray(value)) return value.map(copied);
  return value instanceof PyMap ? new PyMap([...value].map(([key, item]) => [key, copied(item)])) : value;
}

/** The path as an SLS file has it: below the root that holds it. */
function belowRoot(id: string, roots: readonly string[]): string {
  const root = roots
    .map((folder) => folder.replace(/^\.?\/*|\/+$/g, ''))
    .find((folder) => folder !== '' && id.startsWith(`${folder}/`));
  return root === undefined ? id : id.slice(root.length + 1);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function firstDifference(expected: string, got: string): string {
  const [theirs, ours] = [expected.split('\n'), got.split('\n')];
  const at = theirs.findIndex((line, index) => line !== ours[index]);
  const line = at < 0 ? theirs.length : at;
  return `line ${line + 1}\n  expected ${JSON.stringify(theirs[line])}\n  got      ${JSON.stringify(ours[line])}`;
}

function shown(error: Value | undefined): string {
  return error instanceof PyMap ? [...error.values()].map(String).join(': ') : String(error);
}
