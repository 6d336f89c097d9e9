import { join } from 'node:path';
import {
  ChainedFiles,
  type FileSource,
  type GitAccess,
  GitMirror,
  type GitServing,
  GitSource,
  servedEnvironments,
} from '@edge-run/shared/files';
import type { Host } from '@edge-run/shared/host';
import { type Clock, EdgeError, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { type GitRemoteSettings, gitRemotes, type LoadedMasterConfig } from '../config/index.ts';
import { stateFiles } from './files.ts';

/** How the last fetch of one remote went. */
export interface RemoteState {
  /** Its name, or its address without credentials. */
  readonly remote: string;
  /** Whether something had changed. */
  readonly changed: boolean;
  /** Why it could not be fetched; what was fetched before is served on. */
  readonly problem?: string;
}

/** The files minions and orchestrations get. */
export interface FileServer {
  readonly files: FileSource;
  /** Fetches every remote now. */
  update(signal?: AbortSignal): Promise<readonly RemoteState[]>;
  /** Fetches at the start and then from time to time, until `signal` aborts. */
  keepUpdated(signal: AbortSignal): Promise<void>;
}

/** One remote, and the files in the copy of it. */
interface Remote {
  readonly name: string;
  readonly mirror: GitMirror;
  readonly source: GitSource;
}

/** What a remote that was never fetched serves. */
const NOTHING: FileSource = {
  open: async () => undefined,
  list: async function* () {},
  environments: async () => [],
};

/** The file server a configuration describes: local roots and git remotes, in the order of `fileserver_backend`. */
export function createFileServer(
  config: LoadedMasterConfig,
  parts: { readonly host: Host; readonly clock: Clock; readonly log: Logger },
): FileServer {
  const roots = stateFiles(config);
  const settings = gitRemotes(config);
  const backends =
    config.fileserver_backend ?? (settings.length === 0 ? ['roots' as const] : ['roots' as const, 'git' as const]);
  const known = { environments: Object.keys(config.file_roots) };
  const remotes = settings.map((remote) => openRemote(remote, config, parts.host, () => known.environments));
  const git = new ChainedFiles(remotes.map(({ mirror, source }) => whenFetched(mirror, source, parts.host)));
  const files = new ChainedFiles(backends.map((backend) => (backend === 'roots' ? roots : git)));
  const update: FileServer['update'] = async (signal) =>
    Promise.all(remotes.map((remote) => fetchRemote(remote, parts.log, signal)));
  return {
    files: settings.length === 0 ? roots : files,
    update,
    async keepUpdated(signal) {
      while (remotes.length > 0 && !signal.aborted) {
        await update(signal);
        await parts.clock.sleep(config.gitfs_update_interval * 1000, signal).catch(() => undefined);
      }
    },
  };
}

function openRemote(
  settings: GitRemoteSettings,
  config: LoadedMasterConfig,
  host: Host,
  knownEnvironments: () => readonly string[],
): Remote {
  const mirror = new GitMirror(host, join(config.data_dir, 'gitfs'), accessOf(settings));
  const source = new GitSource({
    host,
    repository: mirror.directory,
    environments: servedEnvironments(servingOf(settings), knownEnvironments),
    keepRefs: true,
  });
  return { name: settings.name ?? settings.url.replace(/:\/\/[^/@]+@/, '://'), mirror, source };
}

async function fetchRemote({ name, mirror, source }: Remote, log: Logger, signal?: AbortSignal): Promise<RemoteState> {
  try {
    const changed = await mirror.update(signal);
    source.forgetRefs();
    return { remote: name, changed };
  } catch (error) {
    if (signal?.aborted !== true) log.warn(`${name} is served as it was: ${errorMessage(error)}`, { remote: name });
    return { remote: name, changed: false, problem: errorMessage(error) };
  }
}

/** Nothing, until there is a copy. */
function whenFetched(mirror: GitMirror, source: GitSource, host: Host): FileSource {
  let isThere = false;
  const current = async (): Promise<FileSource> => {
    isThere ||= (await host.stat(mirror.directory)) !== undefined;
    return isThere ? source : NOTHING;
  };
  return {
    open: async (uri, env) => (await current()).open(uri, env),
    list: async function* (prefix, env) {
      yield* (await current()).list(prefix, env);
    },
    environments: async () => (await current()).environments(),
  };
}

function accessOf({ url, user, password, privkey, ssl_verify, refspecs }: GitRemoteSettings): GitAccess {
  if (/^-/.test(url)) throw new EdgeError('EDGE_CONFIG_INVALID', `gitfs_remotes: ${url} is no address`, { url });
  return {
    url,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(privkey === undefined ? {} : { privateKey: privkey }),
    ...(ssl_verify === undefined ? {} : { verifyTls: ssl_verify }),
    ...(refspecs === undefined ? {} : { refspecs }),
  };
}

function servingOf(settings: GitRemoteSettings): GitServing {
  const { base, root, mountpoint, saltenv, ref_types, fallback, all_saltenvs } = settings;
  const saltenvs = Object.entries(saltenv).map(([env, { ref, ...place }]): [string, { ref?: string }] => [
    env,
    { ...defined(place), ...(ref === undefined ? {} : { ref }) },
  ]);
  return {
    root: root ?? '',
    mountpoint: mountpoint ?? '',
    saltenv: new Map(saltenvs),
    refTypes: ref_types ?? ['branch', 'tag', 'sha'],
    allow: settings.saltenv_whitelist ?? [],
    deny: settings.saltenv_blacklist ?? [],
    disableMapping: settings.disable_saltenv_mapping ?? false,
    ...(base === undefined ? {} : { base }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(all_saltenvs === undefined ? {} : { allSaltenvs: all_saltenvs }),
  };
}

function defined(place: { root?: string | undefined; mountpoint?: string | undefined }): object {
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
}
