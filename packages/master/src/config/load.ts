import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Diagnostic, DiagnosticsError, EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';
import { toPlain, type Value } from '@edge-run/shared/values';
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
  parseYaml: (text: string) => Value,
  overrides: Record<string, unknown> = {},
): LoadedMasterConfig {
  const file = given ?? 'the built-in configuration';
  const parsed = masterConfigSchema.safeParse({
    ...(given === undefined ? {} : readFile(given, parseYaml)),
    ...overrides,
  });
  if (!parsed.success) throw new DiagnosticsError(parsed.error.issues.flatMap((issue) => toDiagnostics(issue, file)));
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
    file_roots: mapRoots(config.file_roots, absolute),
    orchestration_roots: config.orchestration_roots.map(absolute),
    pillar_roots: mapRoots(config.pillar_roots, absolute),
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

function readFile(file: string, parseYaml: (text: string) => Value): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read ${file}: ${errorMessage(error)}`,
      { file },
      { cause: error, hint: 'Name the file with --config.' },
    );
  }
  const value = toPlain(parseYaml(text));
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new EdgeError('EDGE_CONFIG_INVALID', `${file} is not a mapping of settings`, { file });
  }
  return value as Record<string, unknown>;
}

function mapRoots(roots: Record<string, string[]>, absolute: (path: string) => string): Record<string, string[]> {
  return Object.fromEntries(Object.entries(roots).map(([env, folders]) => [env, folders.map(absolute)]));
}

/** Every setting of a returner that names a file. */
function absoluteFiles<R extends ReturnerConfig>(returner: R, absolute: (path: string) => string): R {
  const files = Object.entries(returner).map(([key, value]) =>
    key === 'path' || key.endsWith('_file') ? [key, absolute(String(value))] : [key, value],
  );
  return Object.fromEntries(files) as R;
}

function toDiagnostics(
  issue: { code: string; path: readonly PropertyKey[]; message: string; keys?: readonly string[] },
  file: string,
): Diagnostic[] {
  const where = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') {
    return [
      { severity: 'error', code: 'EDGE_CONFIG_INVALID', summary: `${file}: ${where}: ${issue.message}`, detail: '' },
    ];
  }
  return (issue.keys ?? []).map((key) => ({
    severity: 'error',
    code: 'EDGE_CONFIG_INVALID',
    summary: `${file}: unknown setting \`${where === '' ? key : `${where}.${key}`}\``,
    detail: where === '' ? didYouMean(key, Object.keys(masterConfigSchema.shape)) : '',
  }));
}
