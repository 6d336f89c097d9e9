import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type Compiled,
  type Diagnostic,
  EdgeError,
  errorMessage,
  formatDiagnostic,
  type Logger,
  requireCompiled,
  type SourceRange,
} from '@edge-run/shared/kernel';
import type { RenderData, RenderedData } from '@edge-run/shared/render';
import { loadYaml } from '@edge-run/shared/render';
import {
  localRosterFiles,
  parseAnsible,
  parseRoster,
  parseSshConfig,
  type RosterFileOptions,
  type SshTarget,
  writeRoster,
} from '@edge-run/shared/roster';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { type CloudInstance, listEc2Instances } from '../cloud/index.ts';
import type { LoadedMasterConfig, RosterSource } from '../config/index.ts';

/** Every host of the rosters, and the groups they are in. */
export interface LoadedRosters {
  /** By id; of two sources that name one the first counts. */
  readonly targets: readonly SshTarget[];
  /** Group → ids. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** Id → the grains that its roster gives it. */
export function grainsById({ targets }: Pick<LoadedRosters, 'targets'>): Map<string, PyMap> {
  return new Map(targets.map(({ id, grains }) => [id, fromPlain(grains) as PyMap]));
}

/** Groups of rosters as nodegroups. */
export function groupTargets(groups: LoadedRosters['groups']): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, ids]) => [name, `L@${ids.join(',')}`]));
}

/** What rosters are read with. */
export interface RosterReading {
  readonly config: LoadedMasterConfig;
  readonly renderData: RenderData;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

type CloudSource = Extract<RosterSource, { kind: 'cloud' }>;

/**
 * Reads all rosters in the order of the configuration. A cloud that does not answer is warned about, and its hosts are
 * those of the other sources, such as the cache.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID`; DiagnosticsError with everything that is wrong in a file
 */
export async function loadRosters(reading: RosterReading): Promise<LoadedRosters> {
  const targets = new Map<string, SshTarget>();
  const groups: Record<string, readonly string[]> = {};
  for (const source of reading.config.roster) {
    const loaded = await loadSource(source, reading);
    for (const target of loaded.targets) if (!targets.has(target.id)) targets.set(target.id, target);
    for (const [name, ids] of Object.entries(loaded.groups))
      groups[name] = [...new Set([...(groups[name] ?? []), ...ids])];
  }
  return { targets: [...targets.values()], groups };
}

async function loadSource(source: RosterSource, reading: RosterReading): Promise<LoadedRosters> {
  const home = homedir();
  const { log } = reading;
  switch (source.kind) {
    case 'file':
      return { targets: told(await rosterFile(source.path, reading), log), groups: {} };
    case 'ssh_config': {
      const options = { file: source.path, user: userInfo().username, home, files: localRosterFiles };
      return { targets: told(parseSshConfig(readRequired(source.path), options), log), groups: {} };
    }
    case 'ansible': {
      const options = { path: source.path, user: userInfo().username, home, files: localRosterFiles };
      return told(parseAnsible(options), log);
    }
    case 'cloud':
      return { targets: await cloudTargets(source, reading), groups: {} };
    case 'cache':
      return { targets: cachedTargets(reading.config), groups: {} };
    default:
      return source satisfies never;
  }
}

function told<T>(read: Compiled<T>, log: Logger): T {
  for (const diagnostic of read.diagnostics)
    if (diagnostic.severity === 'warning') log.warn(formatDiagnostic(diagnostic));
  return requireCompiled(read);
}

async function rosterFile(
  file: string,
  { config, renderData, signal }: RosterReading,
): Promise<Compiled<readonly SshTarget[]>> {
  const rendered = await renderData({
    ...{ text: readRequired(file), path: file, saltenv: 'base', signal },
    ...{ grains: new PyMap(), pillar: new PyMap(), opts: new PyMap() },
    calls: {
      has: () => false,
      names: () => [],
      call: () => {
        throw new EdgeError('EDGE_UNKNOWN_FUNCTION', 'a roster calls no functions');
      },
    },
    loader: { load: async () => undefined },
  });
  const { value, diagnostics } = rendered;
  if (value === undefined) return { value: undefined, diagnostics };
  const parsed = parseRoster(toPlain(value.value), {
    ...rosterOptions(config.roster_defaults),
    file,
    placeOf: placesOf(value),
  });
  return { ...parsed, diagnostics: [...diagnostics, ...parsed.diagnostics] as readonly Diagnostic[] };
}

function placesOf({ value, placeOf }: RenderedData): (id: string, key?: string) => SourceRange | undefined {
  return (id, key) => {
    if (!(value instanceof PyMap)) return undefined;
    const entry: Value | undefined = value.get(id);
    return key === undefined || entry === undefined ? placeOf(value, id) : placeOf(entry, key);
  };
}

function rosterOptions(defaults: Readonly<Record<string, unknown>>): RosterFileOptions {
  return { home: homedir(), files: localRosterFiles, defaults };
}

function readRequired(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read the roster ${file}: ${errorMessage(error)}`,
      { file },
      { cause: error, hint: 'Correct `roster` in the configuration of the master.' },
    );
  }
}

async function cloudTargets(source: CloudSource, { log, signal }: RosterReading): Promise<readonly SshTarget[]> {
  let instances: readonly CloudInstance[];
  try {
    instances = await listEc2Instances(source, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    log.warn(`hosts of the cloud are missing from the roster: ${errorMessage(error)}`);
    return [];
  }
  const hosts = instances.flatMap((instance) => {
    const address = instance.addresses[source.address];
    if (address === undefined) log.warn(`${instance.instanceId} has no ${source.address} address: it is left out`);
    return address === undefined ? [] : [{ ...instance, address, name: nameOf(instance, source.id_tag) }];
  });
  const data = hosts.map((host) => {
    const isShared = hosts.some((other) => other !== host && other.name === host.name);
    const id = isShared ? `${host.name}-${host.instanceId}` : host.name;
    return [id, { host: host.address, grains: { instance_id: host.instanceId, tags: host.tags } }] as const;
  });
  const targets = told(parseRoster(Object.fromEntries(data), rosterOptions(source.defaults)), log);
  const place = `ec2 ${source.region ?? ''}`.trim();
  return targets.map((target) => ({
    ...target,
    origin: { roster: 'cloud', place: `${place} ${String(target.grains.instance_id)}` },
  }));
}

function nameOf({ instanceId, tags }: CloudInstance, tag: string): string {
  const name = (tags[tag] ?? '').trim().replace(/[^\w.@-]+/g, '-');
  return name === '' ? instanceId : name;
}

function cacheFile({ data_dir }: LoadedMasterConfig): string {
  return join(data_dir, 'roster-cache.yaml');
}

function cachedTargets(config: LoadedMasterConfig): readonly SshTarget[] {
  const file = cacheFile(config);
  const text = localRosterFiles.read(file);
  if (text === undefined) return [];
  const targets = requireCompiled(parseRoster(toPlain(loadYaml(text, file)), rosterOptions({})));
  return targets.map((target) => ({ ...target, origin: { roster: 'cache', place: file } }));
}

/** Remembers how a host was reached, without its secrets, where the cache is one of the rosters. */
export function rememberTarget(config: LoadedMasterConfig, target: SshTarget): void {
  if (!config.roster.some(({ kind }) => kind === 'cache')) return;
  const { password: _p, passphrase: _s, sudoPassword: _q, origin: _o, ...plain } = target;
  const kept = new Map(cachedTargets(config).map(({ origin: _, ...known }) => [known.id, known]));
  if (JSON.stringify(kept.get(target.id)) === JSON.stringify(plain)) return;
  kept.set(target.id, plain);
  const file = cacheFile(config);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, writeRoster([...kept.values()]), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
