import type { Command, HostReader } from '../../host/index.ts';
import { EdgeError, errorMessage, type Logger } from '../../kernel/index.ts';
import { loadJson, loadYaml } from '../../render/index.ts';
import { copyValue, PyMap, type Value } from '../../values/index.ts';
import { mergeRecursive } from '../text/index.ts';
import { gatherFacts } from './gather.ts';

/** A grain that a command of the user's tells. */
export interface CommandGrain {
  /** A program with its arguments, or a line for `sh`. Must change nothing. */
  readonly command: Command | string;
  /** How what it prints is read; `text` is without the white space around it. */
  readonly format: 'text' | 'json' | 'yaml';
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

/** Where the grains of a host come from beside the machine itself. */
export interface GrainSources {
  /** Path on the host of the file that `grains.setval` and the like write; it need not exist. */
  readonly file?: string;
  readonly commands?: Readonly<Record<string, CommandGrain>>;
  /** Grains of the configuration. */
  readonly configured?: PyMap;
  /** Salt's `grains_deep_merge`: mappings are merged level by level instead of replaced. */
  readonly deepMerge?: boolean;
}

const COMMAND_TIMEOUT_MS = 10_000;
const MAX_COMMAND_OUTPUT_BYTES = 1024 * 1024;
const COMMANDS_AT_A_TIME = 4;

/**
 * Every grain of a host. Later ones win: the machine, the grains file, commands, the configuration, and last the id
 * (Salt 3006, loader `grains`: core grains, then the rest, then `grains` of the minion's configuration). A source that
 * cannot be read is left out and logged, so that a broken file or a hanging command does not take the host away.
 * `machine` is what the machine itself says, where it has been asked already.
 * @throws EdgeError `EDGE_COMMAND_FAILED` when the machine itself cannot be asked
 */
export async function gatherGrains(
  host: HostReader,
  sources: GrainSources,
  log: Logger,
  machine: Promise<PyMap> = gatherFacts(host),
): Promise<PyMap> {
  const [facts, file, commands] = await Promise.all([
    machine,
    sources.file === undefined ? new PyMap() : lenient(log, sources.file, () => readGrainsFile(host, sources.file!)),
    runCommands(host, sources.commands ?? {}, log),
  ]);
  const layers = [facts, file, commands, sources.configured ?? new PyMap()];
  return new PyMap([...mergeGrains(layers, sources.deepMerge ?? false), ['id', host.id]]);
}

/** Lays grains over each other, the last on top. */
export function mergeGrains(layers: readonly PyMap[], deepMerge: boolean): PyMap {
  let merged = new PyMap();
  for (const layer of layers)
    merged = deepMerge ? (mergeRecursive(merged, layer, false) as PyMap) : new PyMap([...merged, ...layer]);
  return merged;
}

/** The grains of a grains file; none where there is no file. @throws EdgeError, DiagnosticsError when it is not readable */
export async function readGrainsFile(host: HostReader, path: string): Promise<PyMap> {
  let text: string;
  try {
    text = new TextDecoder().decode(await host.readFile(path));
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_FILE_NOT_FOUND') return new PyMap();
    throw error;
  }
  const grains = text.trim() === '' ? new PyMap() : loadYaml(text, path);
  if (grains === null) return new PyMap();
  if (grains instanceof PyMap) return copyValue(grains) as PyMap;
  throw new EdgeError(
    'EDGE_CONFIG_INVALID',
    `the grains file ${path} of ${host.id} holds no mapping`,
    { path },
    { hint: 'Write names and values: `role: web`.' },
  );
}

/** Reads what a command printed. @throws DiagnosticsError, EdgeError on text that is not of the format */
export function parseCommandGrain(output: string, format: CommandGrain['format'], name: string): Value {
  switch (format) {
    case 'text':
      return output.trim();
    case 'json':
      return loadJson(output);
    case 'yaml':
      return loadYaml(output, `grains_commands:${name}`);
  }
}

async function runCommands(
  host: HostReader,
  commands: Readonly<Record<string, CommandGrain>>,
  log: Logger,
): Promise<PyMap> {
  const waiting = Object.entries(commands);
  const told = new Map<string, PyMap>();
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, grain] = next;
      const run = async (): Promise<PyMap> => new PyMap([[name, await commandGrain(host, name, grain)]]);
      told.set(name, await lenient(log, `grains_commands:${name}`, run));
    }
  };
  await Promise.all(Array.from({ length: COMMANDS_AT_A_TIME }, worker));
  // In the order of the configuration, whoever was the quickest.
  return new PyMap(Object.keys(commands).flatMap((name) => [...(told.get(name) ?? [])]));
}

async function commandGrain(host: HostReader, name: string, grain: CommandGrain): Promise<Value> {
  const { command, format, timeoutMs = COMMAND_TIMEOUT_MS } = grain;
  const argv: Command = typeof command === 'string' ? ['sh', '-c', command] : command;
  const result = await host.probe(argv, { timeoutMs, maxOutputBytes: MAX_COMMAND_OUTPUT_BYTES });
  if (result.exitCode !== 0)
    throw new EdgeError('EDGE_COMMAND_FAILED', `exit ${result.exitCode}: ${result.stderr.trim().slice(0, 500)}`);
  if (result.truncated)
    throw new EdgeError('EDGE_COMMAND_FAILED', `it printed more than ${MAX_COMMAND_OUTPUT_BYTES} bytes`);
  return parseCommandGrain(result.stdout, format, name);
}

async function lenient(log: Logger, what: string, read: () => Promise<PyMap>): Promise<PyMap> {
  try {
    return await read();
  } catch (error) {
    log.warn(`grains of ${what} are left out: ${errorMessage(error)}`, { source: what });
    return new PyMap();
  }
}
