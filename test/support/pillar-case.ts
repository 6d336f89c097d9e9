import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createTemplateLoader,
  type FileSource,
  findSls,
  LocalRoots,
  type LocalRootsByEnv,
  listSls,
} from '@edge-run/shared/files';
import { EdgeError, type JsonValue, requireCompiled } from '@edge-run/shared/kernel';
import { configFunctions } from '@edge-run/shared/modules/execution';
import { compilePillar, pillarGet, pillarSettings } from '@edge-run/shared/pillar';
import type { RenderData, TemplateCalls } from '@edge-run/shared/render';
import { parseArguments } from '@edge-run/shared/schema';
import { compileRawLow, gatherHigh, type SlsSource } from '@edge-run/shared/state';
import { decodeValue, PyMap, traverse, type Value } from '@edge-run/shared/values';
import { FakeHost } from './fake-host.ts';
import { moduleContext } from './module-context.ts';

/** A case of the pillar group: files, options, and one call. */
export interface PillarCase {
  readonly files: Readonly<Record<string, string | { readonly text: string }>>;
  readonly id?: string;
  readonly grains?: JsonValue;
  readonly opts?: { readonly [key: string]: JsonValue };
  readonly call: {
    readonly fn: string;
    readonly args?: readonly JsonValue[];
    readonly kwargs?: { readonly [key: string]: JsonValue };
  };
}

/** Writes the case's files, compiles the pillar and answers its call. Throws what a user would see as an error. */
export async function runPillarCase(entry: PillarCase, grains: PyMap, render: RenderData): Promise<Value> {
  const dir = mkdtempSync(join(tmpdir(), 'edge-pillar-'));
  try {
    for (const [path, file] of Object.entries(entry.files)) {
      const text = typeof file === 'string' ? file : file.text;
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text.replaceAll('@TMP@', dir));
    }
    return await new CaseHost(entry, grains, render, dir).answer();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

class CaseHost {
  readonly #entry: PillarCase;
  readonly #grains: PyMap;
  readonly #render: RenderData;
  readonly #opts: PyMap;
  readonly #args: readonly Value[];
  readonly #kwargs: PyMap;
  readonly #pillarFiles: FileSource;
  readonly #stateFiles: FileSource;

  constructor(entry: PillarCase, grains: PyMap, render: RenderData, dir: string) {
    this.#entry = entry;
    this.#render = render;
    this.#grains =
      entry.grains === undefined ? grains : new PyMap([...grains, ...(decodeValue(entry.grains) as PyMap)]);
    const opts = JSON.parse(JSON.stringify(entry.opts ?? {}).replaceAll('@TMP@', dir)) as JsonValue;
    this.#opts = decodeValue(opts) as PyMap;
    this.#args = (entry.call.args ?? []).map(decodeValue);
    this.#kwargs = decodeValue(entry.call.kwargs ?? {}) as PyMap;
    this.#pillarFiles = this.#source('pillar_roots', join(dir, 'pillar'));
    this.#stateFiles = this.#source('file_roots', join(dir, 'salt'));
  }

  async answer(): Promise<Value> {
    const pillar = await this.#pillar();
    const option = (name: string, position: number): Value | undefined =>
      this.#kwargs.get(name) ?? this.#args[position];
    const { fn } = this.#entry.call;
    switch (fn) {
      case 'pillar.items':
        return pillar;
      case 'pillar.raw':
        return this.#args.length === 0 ? pillar : (pillar.get(this.#args[0]!) ?? '');
      case 'pillar.ls':
        return [...pillar.keys()];
      case 'pillar.keys': {
        const path = String(this.#args[0]);
        const found = pillarGet(pillar, path, undefined, { raiseOnMissing: true });
        if (found instanceof PyMap) return [...found.keys()];
        throw new EdgeError('EDGE_BAD_ARGUMENT', `${path} is not a mapping`);
      }
      case 'pillar.get':
      case 'pillar.fetch':
        return this.#get(pillar, option);
      case 'pillar.item': {
        const fallback = this.#kwargs.get('default') ?? '';
        const delimiter = this.#kwargs.get('delimiter') as string | undefined;
        return new PyMap(this.#args.map((key) => [key, traverse(pillar, String(key), delimiter) ?? fallback]));
      }
      case 'pillar.file_exists':
        return (await this.#pillarFiles.open(String(this.#args[0]), 'base')) !== undefined;
      case 'pillar.filter_by': {
        const choices = this.#args[0] as PyMap;
        const found = String(pillarGet(pillar, String(this.#args[1])));
        return choices.get(found) ?? choices.get(this.#kwargs.get('default') ?? 'default') ?? null;
      }
      case 'config.get':
        return this.#configGet(pillar);
      case 'state.show_low_sls':
        return await this.#showLow(pillar);
      default:
        throw new Error(`the harness does not know ${fn}`);
    }
  }

  async #configGet(data: PyMap): Promise<Value> {
    const module = configFunctions.find(({ name }) => name === 'config.get')!;
    const view = { data, get: (path: string, fallback: Value = '') => pillarGet(data, path, fallback) };
    const extra = { facts: this.#grains, opts: this.#opts, pillar: view };
    const call = { args: this.#args, kwargs: new Map([...this.#kwargs].map(([name, value]) => [String(name), value])) };
    const args = requireCompiled(parseArguments(module, call));
    return (await module.run(args as never, moduleContext(new FakeHost('minion1'), { extra }))) as Value;
  }

  #get(pillar: PyMap, option: (name: string, position: number) => Value | undefined): Value {
    const delimiter = option('delimiter', 4) as string | undefined;
    const mergeLists = option('merge_nested_lists', 3) ?? this.#opts.get('pillar_merge_lists');
    return pillarGet(pillar, String(this.#args[0]), option('default', 1), {
      merge: option('merge', 2) === true,
      mergeNestedLists: mergeLists === true,
      raiseOnMissing: this.#opts.get('pillar_raise_on_missing') === true,
      ...(delimiter === undefined ? {} : { delimiter }),
    });
  }

  async #pillar(): Promise<PyMap> {
    const fromSaltenv = this.#opts.get('pillarenv_from_saltenv') === true ? this.#opts.get('saltenv') : undefined;
    const pillarenv = this.#kwargs.get('pillarenv') ?? this.#opts.get('pillarenv') ?? fromSaltenv ?? null;
    const override = this.#kwargs.get('pillar');
    const compiled = await compilePillar({
      id: this.#entry.id ?? 'minion1',
      grains: this.#grains,
      files: this.#pillarFiles,
      render: this.#render,
      // While a pillar is compiled only the override is known.
      calls: this.#calls(override instanceof PyMap ? override : new PyMap()),
      opts: this.#opts,
      pillarenv: pillarenv as string | null,
      settings: requireCompiled(pillarSettings(this.#opts)),
      ...(override instanceof PyMap ? { override } : {}),
    });
    return requireCompiled(compiled);
  }

  async #showLow(pillar: PyMap): Promise<Value> {
    const files = this.#stateFiles;
    const source: SlsSource = {
      environments: () => files.environments(),
      listSls: async (env) => new Map((await listSls(files, env)).map((name) => [name, false])),
      renderSls: async (sls, saltenv) => {
        const lookup = await findSls(files, saltenv, sls);
        if (lookup.kind === 'missing') return undefined;
        const text = new TextDecoder().decode(await lookup.file.read());
        const loader = createTemplateLoader(files, saltenv);
        const calls = this.#calls(pillar);
        const more = { grains: this.#grains, pillar, opts: this.#opts, calls, loader };
        return this.#render({ text, path: lookup.file.path, sls, saltenv, ...more });
      },
    };
    const high = requireCompiled(await gatherHigh(new Map([['base', this.#args.map(String)]]), source));
    return [...requireCompiled(compileRawLow(high))];
  }

  /** The few functions the cases' templates call. */
  #calls(pillar: PyMap): TemplateCalls {
    const functions = new Map<string, (...args: readonly Value[]) => Value>([
      ['test.echo', (text = null) => text],
      ['grains.get', (path = '', fallback = '') => traverse(this.#grains, String(path)) ?? fallback],
      ['pillar.get', (path = '', fallback = '') => pillarGet(pillar, String(path), fallback)],
    ]);
    return {
      has: (name) => functions.has(name),
      names: () => functions.keys(),
      call: (name, args) => functions.get(name)!(...args),
    };
  }

  #source(option: 'pillar_roots' | 'file_roots', fallback: string): FileSource {
    const roots = this.#opts.get(option);
    const byEnv: LocalRootsByEnv =
      roots instanceof PyMap
        ? Object.fromEntries(
            [...roots].map(([env, dirs]) => [
              String(env),
              (dirs as Value[]).map((dir) => ({ directory: String(dir) })),
            ]),
          )
        : { base: [{ directory: fallback }] };
    return new LocalRoots(byEnv);
  }
}

/** What a user would see as an error, not a fault of Edge or of the harness. */
export function isUserError(error: unknown): error is EdgeError {
  return error instanceof EdgeError && error.code !== 'EDGE_INTERNAL';
}
