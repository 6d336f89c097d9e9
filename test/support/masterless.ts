import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HostRuntime, slsSource, stateFunctions } from '@edge-run/shared/execute';
import { LocalRoots } from '@edge-run/shared/files';
import { type Host, LocalHost } from '@edge-run/shared/host';
import { type Compiled, errorMessage, type JsonValue, requireCompiled, silentLogger } from '@edge-run/shared/kernel';
import type { Catalog, ExecutionModule, StateModule } from '@edge-run/shared/modules/contract';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { compilePillar, pillarSettings } from '@edge-run/shared/pillar';
import type { TemplateCalls } from '@edge-run/shared/render';
import { gatherHigh, type HighData } from '@edge-run/shared/state';
import { decodeValue, encodeValue, type PyMap, type Value } from '@edge-run/shared/values';
import { moduleContext } from './module-context.ts';
import { renderData, renderText } from './render.ts';

/** A file of a case: its text, or the text with permission bits (`"0755"`). */
export type CaseContent = string | { readonly text: string; readonly mode?: string | number };

/** What stands on the disk and in the configuration of a masterless host. `@TMP@` is its directory, everywhere. */
export interface MasterlessOptions {
  /** Path below the directory → content; `salt/` is the base file root, `pillar/` the base pillar root. */
  readonly files: Readonly<Record<string, CaseContent>>;
  readonly id?: string;
  /** Encoded values. */
  readonly grains: Readonly<Record<string, JsonValue>>;
  /** Salt's options; `file_roots` and `pillar_roots` are served. */
  readonly opts?: Readonly<Record<string, JsonValue>>;
  readonly functions: readonly ExecutionModule[];
  readonly states: readonly StateModule[];
  /** Where it runs; this machine itself where absent. Its files are those of this machine. */
  readonly host?: Host;
}

/** How a call on a masterless host ended. */
export type CallEnd =
  | { readonly kind: 'answered'; readonly ret: JsonValue; readonly retcode: number }
  | { readonly kind: 'thrown'; readonly message: string };

/** A file after a run, in the form of the cases. */
export type FileAfter =
  | { readonly text: string; readonly mode: string }
  | { readonly dir: readonly string[]; readonly mode: string }
  | { readonly link: string }
  | null;

/** A host that renders and runs its own states from a directory of its own: no bus, no master. */
export class Masterless {
  readonly dir: string;
  readonly #runtime: HostRuntime;

  private constructor(dir: string, runtime: HostRuntime) {
    this.dir = dir;
    this.#runtime = runtime;
  }

  /** Writes the files and makes the host; end with `dispose`. */
  static async start(options: MasterlessOptions): Promise<Masterless> {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-case-')));
    for (const [path, content] of Object.entries(options.files)) await writeCaseFile(dir, path, content);
    const opts = filledIn(dir, { id: options.id ?? 'minion1', ...options.opts });
    const grains = filledIn(dir, { ...options.grains, ...(options.id === undefined ? {} : { id: options.id }) });
    return new Masterless(dir, runtimeOf(dir, options, grains, opts));
  }

  /** Calls an execution function with encoded arguments. Never throws. */
  async call(
    fun: string,
    args: readonly JsonValue[],
    kwargs: Readonly<Record<string, JsonValue>> = {},
  ): Promise<CallEnd> {
    const call = {
      args: args.map((arg) => this.#decoded(arg)),
      kwargs: new Map(Object.entries(kwargs).map(([name, value]) => [name, this.#decoded(value)])),
    };
    try {
      const { ctx } = await this.#runtime.workplace(this.#work());
      const { ret, retcode } = await this.#runtime.invokeWithCode(fun, call, ctx);
      return { kind: 'answered', ret: this.masked(encodeValue(ret)), retcode };
    } catch (error) {
      return { kind: 'thrown', message: errorMessage(error).replaceAll(this.dir, '@TMP@') };
    }
  }

  /** The high data of SLS files of base. */
  async gather(names: readonly string[]): Promise<Compiled<HighData>> {
    const workplace = await this.#runtime.workplace({ ...this.#work(), pillar: {} });
    const { files, renderData: render } = this.#runtime.options;
    return gatherHigh(
      new Map([['base', names]]),
      slsSource(files, render, async () => workplace),
    );
  }

  /** Every state module the host has. */
  get states(): ReadonlyMap<string, StateModule> {
    return this.#runtime.catalog.states;
  }

  /** What is at a path below the directory. */
  async fileAfter(path: string): Promise<FileAfter> {
    const full = join(this.dir, path);
    const found = await lstat(full).catch(() => undefined);
    if (found === undefined) return null;
    const mode = `0o${(found.mode & 0o7777).toString(8)}`;
    if (found.isSymbolicLink()) return { link: this.#maskedText(await readlink(full)) };
    if (found.isDirectory()) return { dir: (await readdir(full)).sort(), mode };
    return { text: this.#maskedText(await readFile(full, 'utf8')), mode };
  }

  /** Data with the directory written as `@TMP@` again. */
  masked(json: JsonValue): JsonValue {
    return JSON.parse(this.#maskedText(JSON.stringify(json))) as JsonValue;
  }

  async dispose(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  #maskedText(text: string): string {
    return text.replaceAll(this.dir, '@TMP@');
  }

  #decoded(json: JsonValue): Value {
    return decodeValue(substituted(this.dir, json));
  }

  #work(): { signal: AbortSignal; log: typeof silentLogger } {
    return { signal: new AbortController().signal, log: silentLogger };
  }
}

function runtimeOf(dir: string, options: MasterlessOptions, grains: PyMap, opts: PyMap): HostRuntime {
  const host = options.host ?? new LocalHost({ id: options.id ?? 'minion1' });
  const catalog: Catalog = {
    functions: new Map(options.functions.map((module) => [module.name, module])),
    states: new Map(options.states.map((module) => [module.name, module])),
  };
  const roots = (option: string, folder: string): LocalRoots => {
    const configured = options.opts?.[option] as Readonly<Record<string, readonly string[]>> | undefined;
    const byEnv = configured ?? { base: [`@TMP@/${folder}`] };
    const served = Object.entries(byEnv).map(([env, directories]) => {
      const list = directories.map((directory) => ({ directory: directory.replaceAll('@TMP@', dir) }));
      return [env, list] as const;
    });
    return new LocalRoots(Object.fromEntries(served));
  };
  const runtime: HostRuntime = new HostRuntime(
    {
      host,
      catalog,
      files: roots('file_roots', 'salt'),
      renderData,
      renderText,
      facts: async () => grains,
      opts,
      events: { send: async () => {} },
      mine: NO_MINE,
      log: silentLogger,
      pillar: ({ pillarenv, override }) =>
        compilePillar({
          id: host.id,
          grains,
          files: roots('pillar_roots', 'pillar'),
          render: renderData,
          calls: callsBeforePillar(runtime, host, grains, opts),
          opts,
          pillarenv: pillarenv ?? null,
          settings: requireCompiled(pillarSettings(opts)),
          ...(override === undefined ? {} : { override }),
        }),
    },
    stateFunctions,
  );
  return runtime;
}

/** What templates of the pillar may call: everything, with an empty pillar. */
function callsBeforePillar(runtime: HostRuntime, host: Host, grains: PyMap, opts: PyMap): TemplateCalls {
  const ctx = moduleContext(host, { facts: grains, opts });
  return runtime.templateCalls(ctx);
}

async function writeCaseFile(dir: string, path: string, content: CaseContent): Promise<void> {
  const full = join(dir, path);
  await mkdir(dirname(full), { recursive: true });
  const text = typeof content === 'string' ? content : content.text;
  await writeFile(full, text.replaceAll('@TMP@', dir));
  const mode = typeof content === 'string' ? undefined : content.mode;
  if (mode !== undefined)
    await chmod(full, typeof mode === 'number' ? mode : Number.parseInt(mode.replace(/^0o/, ''), 8));
}

function filledIn(dir: string, json: Readonly<Record<string, JsonValue>>): PyMap {
  return decodeValue(substituted(dir, json)) as PyMap;
}

function substituted(dir: string, json: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(json).replaceAll('@TMP@', dir)) as JsonValue;
}
