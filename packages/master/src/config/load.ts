import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { DiagnosticsError, EdgeError } from '@edge-run/shared/kernel';
import {
  type ApiConfig,
  absoluteRoots,
  absoluteSource,
  apiConfig,
  type MasterConfig,
  masterConfigSchema,
  type ReturnerConfig,
  readSettingsFile,
  settingsProblems,
} from '@edge-run/shared/project';

/** A configuration with every path made absolute. */
export interface LoadedMasterConfig extends MasterConfig {
  /** The file it came from. */
  readonly file: string;
  readonly data_dir: string;
  readonly api: false | (ApiConfig & { readonly token_file: string }) | undefined;
}

/**
 * Reads a master's configuration file (none: every setting at its default); `overrides` win over it key by key.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID` when it cannot be read; DiagnosticsError naming every wrong key
 */
export function loadMasterConfig(
  given: string | undefined,
  overrides: Record<string, unknown> = {},
): LoadedMasterConfig {
  const file = given ?? 'the built-in configuration';
  const parsed = masterConfigSchema.safeParse({
    ...(given === undefined ? {} : readSettingsFile(given)),
    ...overrides,
  });
  if (!parsed.success) {
    throw new DiagnosticsError(settingsProblems(parsed.error.issues, { file, schema: masterConfigSchema }));
  }
  const base = given === undefined ? process.cwd() : dirname(given);
  const absolute = (path: string): string => resolve(base, path);
  const config = parsed.data;
  if (config.data_dir === undefined) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `${file} does not say where the master keeps its data`,
      { file },
      { hint: 'Set `data_dir`.' },
    );
  }
  const data = absolute(config.data_dir);
  return {
    ...config,
    file,
    data_dir: data,
    ...absoluteRoots(config, base),
    api: loadedApi(config.api, { file, data, absolute }),
    roster: config.roster.map((source) => absoluteSource(source, absolute)),
    returners: Object.fromEntries(
      Object.entries(config.returners).map(([name, returner]) => [name, absoluteFiles(returner, absolute)]),
    ),
    nats: {
      ...config.nats,
      ...(config.nats.credentials === undefined ? {} : { credentials: absolute(config.nats.credentials) }),
      ...(config.nats.account_key === undefined ? {} : { account_key: absolute(config.nats.account_key) }),
    },
    fleet: {
      ...config.fleet,
      home: absolute(config.fleet.home ?? resolve(data, 'fleet')),
      repositories: absolute(config.fleet.repositories ?? resolve(data, 'repositories')),
    },
  };
}

/** The API as `edge-run up` serves it where nobody says otherwise: on this machine only, on a free port. */
export function withEmbeddedApi(config: LoadedMasterConfig): LoadedMasterConfig {
  if (config.api !== undefined) return config;
  const { file, data_dir: data } = config;
  return { ...config, api: loadedApi(apiConfig.parse({}), { file, data, absolute: (path) => path }) };
}

/** @throws EdgeError `EDGE_CONFIG_INVALID` for an API that would send its token over the network as it is */
function loadedApi(
  api: MasterConfig['api'],
  { file, data, absolute }: { file: string; data: string; absolute: (path: string) => string },
): LoadedMasterConfig['api'] {
  if (api === undefined || api === false) return api;
  if (api.tls === undefined && !isLoopback(api.host)) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `${file}: api.host ${api.host} is seen by other machines, and api.tls is not set`,
      { file, host: api.host },
      { hint: 'Set api.tls, or let it listen on 127.0.0.1.' },
    );
  }
  const tls =
    typeof api.tls === 'object'
      ? { cert_file: absolute(api.tls.cert_file), key_file: absolute(api.tls.key_file) }
      : api.tls;
  return {
    ...api,
    token_file: api.token_file === undefined ? resolve(data, 'api-token') : absolute(api.token_file),
    ...(tls === undefined ? {} : { tls }),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Every setting of a returner that names a file. */
function absoluteFiles<R extends ReturnerConfig>(returner: R, absolute: (path: string) => string): R {
  const files = Object.entries(returner).map(([key, value]) =>
    key === 'path' || key.endsWith('_file') ? [key, absolute(String(value))] : [key, value],
  );
  return Object.fromEntries(files) as R;
}
