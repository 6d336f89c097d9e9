import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createCatalog, HostRuntime, stateFunctions } from '@edge-run/shared/execute';
import { findSls, LocalRoots, type LocalRootsByEnv, slsOfPath } from '@edge-run/shared/files';
import { LocalHost } from '@edge-run/shared/host';
import { compiled, DiagnosticsError, EdgeError, requireCompiled, silentLogger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import { mergeMaps } from '@edge-run/shared/pillar';
import { createRenderer, parseJson } from '@edge-run/shared/render';
import { PyMap, type Value } from '@edge-run/shared/values';
import { readProjectRoots, rootOf } from './project.ts';

/** How far a file is taken: text after its templates, its data, the high data it adds up to, or its states in order. */
export type RenderStage = 'jinja' | 'yaml' | 'high' | 'low';

/** What to render without a master. */
export interface OfflineRequest {
  /** Path of a file, or name of an SLS. */
  readonly file: string;
  readonly stage: RenderStage;
  readonly cwd: string;
  /** Project file instead of the nearest `edge.yaml`. */
  readonly config?: string;
  /** JSON file with `grains`, `pillar` and `opts`; this machine's grains where it has none. */
  readonly contextFile?: string;
  /** Laid over the pillar. */
  readonly pillar?: PyMap;
  readonly saltenv?: string;
  readonly pillarenv?: string;
  readonly signal: AbortSignal;
}

/** Text for the stage `jinja`, else data. */
export type OfflineAnswer = { readonly text: string } | { readonly value: Value };

/** A file found and the roots its includes are searched in. */
interface Found {
  readonly text: string;
  readonly path: string;
  readonly sls: string | undefined;
  readonly env: string;
  readonly roots: LocalRootsByEnv;
}

/**
 * Renders a local file with the modules of this machine. @throws EdgeError where it is not found, DiagnosticsError with
 * the places of what is wrong in it
 */
export async function renderOffline(request: OfflineRequest): Promise<OfflineAnswer> {
  const found = await findFile(request);
  const context = readContext(request);
  const renderer = createRenderer();
  const runtime = createRuntime(request, context, found, renderer);
  const work = { signal: request.signal, log: silentLogger, saltenv: found.env, pillar: {} };
  const { ctx, renderRequest } = await runtime.workplace(work);
  if (request.stage === 'jinja' || request.stage === 'yaml') {
    const rendering = {
      ...renderRequest(found.text, found.path),
      ...(found.sls === undefined ? {} : { sls: found.sls }),
    };
    if (request.stage === 'jinja') return { text: requireCompiled(await renderer.renderText(rendering)).text };
    return { value: requireCompiled(await renderer.renderData(rendering)).value };
  }
  if (found.sls === undefined)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${found.path} is no SLS file`,
      {},
      { hint: 'Stages high and low are for files whose names end in .sls.' },
    );
  const fun = request.stage === 'high' ? 'state.show_sls' : 'state.show_low_sls';
  const value = await runtime.invoke(fun, { args: [found.sls], kwargs: new Map([['saltenv', found.env]]) }, ctx);
  // Salt's answer to states that cannot be compiled is the list of what is wrong.
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'))
    throw new EdgeError('EDGE_SLS_SHAPE', value.join('\n'));
  return { value };
}

async function findFile(request: OfflineRequest): Promise<Found> {
  const { cwd, file } = request;
  const project = readProjectRoots(cwd, request.config);
  const path = resolve(cwd, file);
  if (existsSync(path) && statSync(path).isFile()) {
    const text = readFileSync(path, 'utf8');
    for (const roots of [project.files, project.pillar]) {
      const place = rootOf(roots, path);
      if (place)
        return { text, path: place.path, sls: slsOfPath(place.path), env: request.saltenv ?? place.env, roots };
    }
    const env = request.saltenv ?? 'base';
    const roots = { ...project.files, [env]: [{ directory: dirname(path) }, ...(project.files[env] ?? [])] };
    const name = rootOf(roots, path)!.path;
    return { text, path: name, sls: slsOfPath(name), env, roots };
  }
  const env = request.saltenv ?? 'base';
  const found = await findSls(new LocalRoots(project.files), env, file);
  if (found.kind === 'missing') throw new DiagnosticsError([found.diagnostic]);
  const text = new TextDecoder().decode(await found.file.read());
  return { text, path: found.file.path, sls: found.sls, env, roots: project.files };
}

function readContext({ cwd, contextFile }: OfflineRequest): PyMap {
  if (contextFile === undefined) return new PyMap();
  const file = resolve(cwd, contextFile);
  if (!existsSync(file))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${file} does not exist`,
      { file },
      { hint: 'Offline, --context names a JSON file; the name of a master goes with --as MINION.' },
    );
  const content = parseJson(readFileSync(file, 'utf8'));
  if (content instanceof PyMap) return content;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${file} is not a JSON object`,
    { file },
    { hint: '{"grains": {…}, "pillar": {…}, "opts": {…}}' },
  );
}

function createRuntime(
  request: OfflineRequest,
  context: PyMap,
  found: Found,
  renderer: ReturnType<typeof createRenderer>,
): HostRuntime {
  const grains = context.get('grains');
  const id = grains instanceof PyMap ? grains.get('id') : undefined;
  const host = new LocalHost({ id: typeof id === 'string' ? id : 'local' });
  const pillar = mergeMaps(mapIn(context, 'pillar'), request.pillar ?? new PyMap(), false);
  return new HostRuntime(
    {
      host,
      catalog: createCatalog(),
      files: new LocalRoots(found.roots),
      ...renderer,
      facts: () => (grains instanceof PyMap ? Promise.resolve(grains) : gatherFacts(host)),
      pillar: () => Promise.resolve(compiled(pillar)),
      opts: mapIn(context, 'opts'),
      ...(request.pillarenv === undefined ? {} : { pillarenv: request.pillarenv }),
      events: { send: (tag) => Promise.reject(offline(`the event ${tag} reaches nobody`)) },
      mine: NO_MINE,
      log: silentLogger,
    },
    stateFunctions,
  );
}

function mapIn(context: PyMap, name: string): PyMap {
  const value = context.get(name);
  return value instanceof PyMap ? value : new PyMap();
}

function offline(message: string): EdgeError {
  return new EdgeError(
    'EDGE_NOT_SUPPORTED',
    message,
    {},
    { hint: 'Let the master render it: edge-run render FILE --as MINION.' },
  );
}
