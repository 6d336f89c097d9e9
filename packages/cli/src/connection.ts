import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { Flags } from './flags.ts';
import type { Io } from './io.ts';
import { nearestProjectFile } from './project-file.ts';

/** Which master to ask and how to reach it. */
export interface BusContext {
  /** Shown where something is about to be changed. */
  readonly name: string;
  readonly url: string;
  /** Path of a NATS credentials file. */
  readonly credentials: string | undefined;
  /** File of the authority that signed the server's certificate. */
  readonly ca?: string;
  /** Where this was found, for `-v` and error texts. */
  readonly origin: string;
}

type Place = Pick<Io, 'env' | 'cwd' | 'home' | 'isRoot'>;

/** `$EDGE_HOME`, `$XDG_STATE_HOME/edge-run`, `/var/lib/edge-run` for root, `~/.local/state/edge-run`. */
export function stateDir({ env, home, isRoot }: Place): string {
  if (env.EDGE_HOME) return env.EDGE_HOME;
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, 'edge-run');
  return isRoot ? '/var/lib/edge-run' : join(home, '.local/state/edge-run');
}

/**
 * Finds the context, first match wins: flags (`--nats-url`, `--context`), environment (`EDGE_NATS_URL` with
 * `EDGE_CREDENTIALS` and `EDGE_CA_FILE`, `EDGE_CONTEXT`), the nearest `edge.yaml`, the current context of the contexts file, the embedded
 * stack. A project file may name a context or an address, never credentials.
 * @throws EdgeError `EDGE_NO_CONTEXT`, `EDGE_CONFIG_INVALID`
 */
export async function findContext(
  flags: Pick<Flags, 'context' | 'config' | 'natsUrl'>,
  place: Place,
): Promise<BusContext> {
  const { env } = place;
  if (flags.natsUrl) {
    const { natsUrl: url } = flags;
    return { name: url, url, credentials: env.EDGE_CREDENTIALS, origin: '--nats-url', ...authority(env) };
  }
  if (flags.context) return namedContext(flags.context, '--context', place);
  if (env.EDGE_NATS_URL) {
    const { EDGE_NATS_URL: url, EDGE_CREDENTIALS: credentials } = env;
    return { name: env.EDGE_CONTEXT ?? url, url, credentials, origin: 'EDGE_NATS_URL', ...authority(env) };
  }
  if (env.EDGE_CONTEXT) return namedContext(env.EDGE_CONTEXT, 'EDGE_CONTEXT', place);
  const fromProject = await projectContext(flags.config, place);
  if (fromProject !== undefined) return fromProject;
  const contexts = await readContexts(place);
  if (contexts?.current !== undefined) return namedContext(contexts.current, contexts.file, place);
  const embedded = embeddedContext(place);
  if (embedded !== undefined) return embedded;
  throw new EdgeError(
    'EDGE_NO_CONTEXT',
    'no master is configured and none runs here',
    {},
    {
      hint: "Run 'edge-run up' to start one here, or set EDGE_NATS_URL.",
    },
  );
}

/** The context file `edge-run up` writes. */
export function embeddedContextFile(place: Place): string {
  return join(stateDir(place), 'dev', 'context.json');
}

function embeddedContext(place: Place): BusContext | undefined {
  const file = embeddedContextFile(place);
  const text = readText(file);
  if (text === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, errorMessage(cause));
  }
  return contextFrom('embedded', content, file);
}

async function namedContext(name: string, origin: string, place: Place): Promise<BusContext> {
  if (name === 'embedded') {
    const embedded = embeddedContext(place);
    if (embedded !== undefined) return embedded;
  }
  const contexts = await readContexts(place);
  const entry = contexts?.contexts[name];
  if (entry === undefined) {
    const known = Object.keys(contexts?.contexts ?? {});
    throw new EdgeError(
      'EDGE_NO_CONTEXT',
      `there is no context \`${name}\` (asked for by ${origin})`,
      { name, known },
      {
        hint: known.length > 0 ? `Known: ${known.join(', ')}.` : `Describe it in ${contextsFile(place)}.`,
      },
    );
  }
  return contextFrom(name, entry, contexts!.file);
}

/** The `edge.yaml` named by `--config`, or the nearest one upwards to the repository root. */
async function projectContext(config: string | undefined, place: Place): Promise<BusContext | undefined> {
  const file = config === undefined ? nearestProjectFile(place.cwd) : resolveFrom(place.cwd, config);
  if (file === undefined) return undefined;
  const content = await readYaml(file);
  if (content === undefined) {
    throw new EdgeError('EDGE_CONFIG_INVALID', `${file} does not exist`, { file }, { hint: 'Check --config.' });
  }
  if ('credentials' in content) {
    throw invalid(file, 'a project file must not name credentials', `Move them to ${contextsFile(place)}.`);
  }
  if (typeof content.context === 'string') return namedContext(content.context, file, place);
  if (typeof content.url !== 'string') return undefined;
  const { url } = content;
  return { name: url, url, credentials: place.env.EDGE_CREDENTIALS, origin: file, ...authority(place.env) };
}

function authority(env: Place['env']): { readonly ca?: string } {
  return env.EDGE_CA_FILE ? { ca: env.EDGE_CA_FILE } : {};
}

function contextsFile({ env, home }: Place): string {
  return join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'edge-run', 'contexts.yaml');
}

/** `current: prod` and `contexts: {prod: {url, credentials}}`. */
async function readContexts(
  place: Place,
): Promise<{ file: string; current: string | undefined; contexts: Record<string, unknown> } | undefined> {
  const file = contextsFile(place);
  const content = await readYaml(file);
  if (content === undefined) return undefined;
  const contexts = isRecord(content.contexts) ? content.contexts : {};
  return { file, current: typeof content.current === 'string' ? content.current : undefined, contexts };
}

function contextFrom(name: string, content: unknown, file: string): BusContext {
  if (!isRecord(content) || typeof content.url !== 'string') throw invalid(file, `context \`${name}\` has no url`);
  const { url } = content;
  const pathOf = (value: unknown): string | undefined =>
    typeof value === 'string' ? resolveFrom(dirname(file), value) : undefined;
  const ca = pathOf(content.ca);
  return { name, url, credentials: pathOf(content.credentials), origin: file, ...(ca === undefined ? {} : { ca }) };
}

async function readYaml(file: string): Promise<Record<string, unknown> | undefined> {
  const text = readText(file);
  if (text === undefined) return undefined;
  const [{ loadYaml }, { toPlain }] = await Promise.all([
    import('@edge-run/shared/render'),
    import('@edge-run/shared/values'),
  ]);
  let content: unknown;
  try {
    content = toPlain(loadYaml(text));
  } catch (cause) {
    throw invalid(file, errorMessage(cause));
  }
  if (!isRecord(content)) throw invalid(file, 'expected a mapping');
  return content;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read ${file}: ${errorMessage(cause)}`,
      { file },
      {
        hint: `Check its permissions: ls -l ${file}`,
        cause,
      },
    );
  }
}

function invalid(file: string, why: string, hint = `Correct ${file}.`): EdgeError {
  return new EdgeError('EDGE_CONFIG_INVALID', `${file}: ${why}`, { file }, { hint });
}

function resolveFrom(dir: string, path: string): string {
  return isAbsolute(path) ? path : join(dir, path);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
