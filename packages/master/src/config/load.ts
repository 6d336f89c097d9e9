import { dirname, resolve } from 'node:path';
import { DiagnosticsError, EdgeError } from '@edge-run/shared/kernel';
import { absoluteRoots, readSettingsFile, settingsProblems } from '@edge-run/shared/project';
import type { ReturnerConfig } from './returners.ts';
import { type MasterConfig, masterConfigSchema } from './schema.ts';

/** A configuration with every path made absolute. */
export interface LoadedMasterConfig extends MasterConfig {
  /** The file it came from. */
  readonly file: string;
  readonly data_dir: string;
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
    throw new DiagnosticsError(settingsProblems(parsed.error.issues, file, Object.keys(masterConfigSchema.shape)));
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
    ...(config.roster === undefined ? {} : { roster: absolute(config.roster) }),
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

/** Every setting of a returner that names a file. */
function absoluteFiles<R extends ReturnerConfig>(returner: R, absolute: (path: string) => string): R {
  const files = Object.entries(returner).map(([key, value]) =>
    key === 'path' || key.endsWith('_file') ? [key, absolute(String(value))] : [key, value],
  );
  return Object.fromEntries(files) as R;
}
