import { z } from 'zod';
import { type FileSource, GitSource } from '../../files/index.ts';
import { EdgeError, requireCompiled } from '../../kernel/index.ts';
import { PyMap } from '../../values/index.ts';
import type { ExternalPillarRequest } from '../compile.ts';
import type { PillarLayer } from '../explain.ts';
import { mergeMaps } from '../merge.ts';
import { defineExternal, type ExternalServices, type GitPillarOptions } from './contract.ts';
import { GitMirror } from './git-mirror.ts';

const remoteOptions = z.strictObject({
  root: z.string().default('').describe('Folder of the repository that holds the pillar.'),
  env: z.string().optional().describe('Environment the branch is; that of its name when absent.'),
  mountpoint: z.string().default('').describe('Folder its files are served below.'),
  name: z.string().optional().describe('Name of the remote, for messages.'),
});

/** Options as Salt writes them, a list of one-key mappings, or as one mapping. */
const optionList = z.union([
  z.array(z.record(z.string(), z.unknown())).transform((list) => Object.assign({}, ...list) as object),
  z.record(z.string(), z.unknown()),
]);

const remote = z.union([
  z.string().transform((text) => ({ text, options: {} as object })),
  z
    .record(z.string(), optionList)
    .refine((map) => Object.keys(map).length === 1, 'wants one `BRANCH URL` with its options')
    .transform((map) => ({ text: Object.keys(map)[0]!, options: Object.values(map)[0] as object })),
]);

const settings = z.array(remote.transform(readRemote)).min(1);

interface Remote extends z.output<typeof remoteOptions> {
  /** `__env__`: the branch of the environment that is asked for. */
  readonly branch: string;
  readonly url: string;
}

const ANY_ENV = '__env__';

/**
 * Pillar trees in git: branches and tags are environments. Repositories of this machine are read as they are, others
 * from a copy that is fetched again. (Salt 3006 pillar/git_pillar.py.)
 */
export const git = defineExternal<readonly Remote[]>({
  name: 'git',
  summary: 'Pillar trees in git repositories.',
  settings,
  create(given, services) {
    const remotes = given.map((entry) => new RemoteTree(entry, services));
    const asked = ({ pillarenv }: ExternalPillarRequest): readonly { tree: RemoteTree; env: string }[] =>
      remotes
        .map((tree) => ({ tree, env: tree.environment(pillarenv) }))
        .filter(({ env }) => pillarenv === null || env === pillarenv);
    return {
      timeoutMs: 120_000,
      environments: async () => [...new Set((await Promise.all(remotes.map((tree) => tree.environments()))).flat())],
      async fetch(request, signal) {
        let data = new PyMap();
        const layers: PillarLayer[] = [];
        const trees = asked(request);
        for (const { tree, env } of trees) {
          const others = services.git.includes ? trees.filter((other) => other.env === env && other.tree !== tree) : [];
          const sources = [];
          for (const { tree: one } of [{ tree }, ...others]) sources.push(await one.files(env, signal));
          const compiled = await services.compileFiles(
            new OneEnvironment(env, sources),
            { ...request, pillarenv: env },
            signal,
          );
          data = mergeMaps(data, requireCompiled(compiled), false);
          layers.push(
            ...compiled.layers.map((layer) => ({ ...layer, source: `external: git ${tree.name} ${layer.source}` })),
          );
        }
        return { data, layers };
      },
    };
  },
});

/** One remote and its branch. */
class RemoteTree {
  readonly #remote: Remote;
  readonly #options: GitPillarOptions;
  readonly #mirror: GitMirror;
  readonly #host: ExternalServices['host'];
  #source: { readonly branch: string; readonly source: GitSource } | undefined;

  constructor(remote: Remote, { host, git: options, resolvePath }: ExternalServices) {
    this.#remote = remote;
    this.#options = options;
    this.#host = host;
    const { updateIntervalMs, cacheDir } = options;
    this.#mirror = new GitMirror({ host, url: remote.url, updateIntervalMs, cacheDir, resolvePath });
  }

  get name(): string {
    return this.#remote.name ?? `${this.#remote.url} ${this.#remote.branch}`;
  }

  environment(pillarenv: string | null): string {
    const { branch, env = branch } = this.#remote;
    if (env === ANY_ENV) return pillarenv ?? 'base';
    return env === this.#options.base && this.#remote.env === undefined ? 'base' : env;
  }

  async environments(): Promise<readonly string[]> {
    if (this.#remote.branch !== ANY_ENV) return [this.environment(null)];
    const signal = AbortSignal.timeout(this.#options.updateIntervalMs + 60_000);
    return (await this.#open(this.#options.base, signal)).environments();
  }

  /** The files of the branch, as environment `base` of what is answered. @throws EdgeError where there is no such branch */
  async files(env: string, signal: AbortSignal): Promise<FileSource> {
    const { branch } = this.#remote;
    const wanted = branch !== ANY_ENV ? branch : env === 'base' ? this.#options.base : env;
    const source = await this.#open(wanted, signal);
    if ((await source.environments()).includes('base')) return source;
    throw new EdgeError('EDGE_GIT_FAILED', `${this.#remote.url} has no branch or tag ${wanted}`, { branch: wanted });
  }

  async #open(branch: string, signal: AbortSignal): Promise<GitSource> {
    const repository = await this.#mirror.fresh(signal);
    if (this.#source?.branch === branch) return this.#source.source;
    const { root, mountpoint: mount } = this.#remote;
    const source = new GitSource({
      host: this.#host,
      repository,
      base: branch,
      root,
      mount: mount.replace(/^(salt|edge):\/\//, ''),
    });
    this.#source = { branch, source };
    return source;
  }
}

/** Sources seen as one environment, the first that has a file wins. */
class OneEnvironment implements FileSource {
  readonly #env: string;
  readonly #sources: readonly FileSource[];

  constructor(env: string, sources: readonly FileSource[]) {
    this.#env = env;
    this.#sources = sources;
  }

  async environments(): Promise<readonly string[]> {
    return [this.#env];
  }

  async open(uri: string, env: string): ReturnType<FileSource['open']> {
    if (env !== this.#env) return undefined;
    for (const source of this.#sources) {
      const file = await source.open(uri, 'base');
      if (file !== undefined) return file;
    }
    return undefined;
  }

  async *list(prefix: string, env: string): ReturnType<FileSource['list']> {
    const seen = new Set<string>();
    for (const source of env === this.#env ? this.#sources : []) {
      for await (const entry of source.list(prefix, 'base')) {
        if (seen.has(entry.path)) continue;
        seen.add(entry.path);
        yield entry;
      }
    }
  }
}

function readRemote({ text, options }: { text: string; options: object }, context: z.RefinementCtx): Remote {
  const match = /^(\S+)\s+(\S+)$/.exec(text.trim());
  const parsed = remoteOptions.safeParse(options);
  if (match !== null && parsed.success) return { branch: match[1]!, url: match[2]!, ...parsed.data };
  const message = match === null ? `\`${text}\` is not \`BRANCH URL\`` : z.prettifyError(parsed.error!);
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
