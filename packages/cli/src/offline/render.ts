import { existsSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import {
  createCatalog,
  createPillarCompiler,
  HostRuntime,
  type RuntimeOptions,
  renderStage,
  type StageAnswer,
  stateFunctions,
} from '@edge-run/shared/execute';
import { findSls, LocalRoots, type LocalRootsByEnv, slsOfPath } from '@edge-run/shared/files';
import { LocalHost } from '@edge-run/shared/host';
import {
  type Compiled,
  compiled,
  type Diagnostic,
  DiagnosticsError,
  EdgeError,
  notCompiled,
  type SourceRange,
  silentLogger,
} from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import { mergeMaps } from '@edge-run/shared/pillar';
import { pillarOpts, templateOpts } from '@edge-run/shared/project';
import type { RenderStage } from '@edge-run/shared/protocol/plain';
import { createRenderer } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { ContextFile } from './context-file.ts';
import { findProject, type Project, placeIn } from './project.ts';

/** What to render without a master. */
export interface OfflineRequest {
  /** Path of a file, `salt://` path, or name of an SLS. */
  readonly file: string;
  readonly stage: RenderStage;
  readonly cwd: string;
  /** Project file instead of the nearest `edge.yaml`. */
  readonly config?: string;
  /** Its grains instead of this machine's, its pillar instead of the project's, its opts over the project's. */
  readonly context: ContextFile;
  /** Id to render as; that of the context's grains, or else the name of this machine, when absent. */
  readonly id?: string;
  /** Laid over the pillar. */
  readonly pillar?: PyMap;
  readonly saltenv?: string;
  readonly pillarenv?: string;
  readonly signal: AbortSignal;
}

/** A file found and the roots its includes are searched in. */
interface Found {
  readonly kind: 'state' | 'orchestration' | 'pillar';
  readonly text: string;
  readonly path: string;
  readonly sls: string | undefined;
  readonly env: string;
  readonly roots: LocalRootsByEnv;
}

/**
 * Renders a local file with the modules of this machine, and the pillar that the project gives the id. @throws EdgeError
 * where the file is not found or cannot be taken to the stage
 */
export async function renderOffline(request: OfflineRequest): Promise<Compiled<StageAnswer>> {
  const { stage, signal, pillar } = request;
  const project = findProject(request.cwd, request.config);
  const found = await findFile(request, project);
  if (found.kind === 'pillar' && (stage === 'high' || stage === 'low')) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${found.path} is a pillar: it has no stage ${stage}`,
      {},
      { hint: 'Take --stage yaml.' },
    );
  }
  const remarks: Diagnostic[] = [];
  const runtime = await createRuntime(request, project, found, remarks);
  // Steps of orchestrations are known to the master only.
  const states = found.kind === 'orchestration' ? {} : { states: runtime.catalog.states };
  const rendered = await renderStage(
    runtime,
    { ...found, stage, saltenv: found.env, ...states },
    { signal, log: silentLogger, pillar: pillar === undefined ? {} : { override: pillar } },
  );
  // An error of the pillar is what keeps the file from being rendered, and is in the answer.
  const warnings = remarks.filter(({ severity }) => severity === 'warning');
  const own =
    found.kind === 'pillar'
      ? rendered.diagnostics.map((diagnostic) => inPillarRoots(diagnostic, found.roots, request.cwd))
      : rendered.diagnostics;
  return { value: rendered.value, diagnostics: [...new Set([...warnings, ...own])] };
}

async function findFile({ cwd, file, saltenv }: OfflineRequest, project: Project | undefined): Promise<Found> {
  const path = resolve(cwd, file);
  const roots = project?.states ?? {};
  if (existsSync(path) && statSync(path).isFile()) {
    const text = readFileSync(path, 'utf8');
    const place = project === undefined ? undefined : placeIn(project, path);
    if (project !== undefined && place !== undefined) {
      const env = saltenv ?? place.env;
      const own = place.kind === 'pillar' ? project.pillars : project.states;
      return { kind: place.kind, text, path: place.path, sls: slsOfPath(place.path), env, roots: own };
    }
    return outsideOfRoots(text, path, saltenv ?? 'base', roots);
  }
  const env = saltenv ?? 'base';
  const source = new LocalRoots(roots);
  const opened = file.includes('/') ? await source.open(file, env) : undefined;
  const lookup = opened === undefined ? await findSls(source, env, file) : undefined;
  if (lookup?.kind === 'missing') throw new DiagnosticsError([lookup.diagnostic]);
  const handle = opened ?? lookup!.file;
  const text = new TextDecoder().decode(await handle.read());
  const kind = handle.path.startsWith('orch/') ? 'orchestration' : 'state';
  return { kind, text, path: handle.path, sls: lookup?.sls ?? slsOfPath(handle.path), env, roots };
}

/** What stands beside such a file can be included from it. */
function outsideOfRoots(text: string, file: string, env: string, roots: LocalRootsByEnv): Found {
  const directory = dirname(file);
  const path = relative(directory, file);
  const withOwn = { ...roots, [env]: [{ directory }, ...(roots[env] ?? [])] };
  return { kind: 'state', text, path, sls: slsOfPath(path), env, roots: withOwn };
}

async function createRuntime(
  request: OfflineRequest,
  project: Project | undefined,
  found: Found,
  remarks: Diagnostic[],
): Promise<HostRuntime> {
  const { context, pillarenv } = request;
  const inContext = context.grains?.get('id');
  const id = request.id ?? (typeof inContext === 'string' ? inContext : hostname());
  const host = new LocalHost({ id });
  const grains = new PyMap([...(context.grains ?? (await gatherFacts(host))), ['id', id]]);
  const base: Omit<RuntimeOptions, 'facts' | 'pillar'> = {
    host,
    catalog: createCatalog(),
    files: new LocalRoots(found.roots),
    ...createRenderer(),
    opts: new PyMap([...optsOf(id, request, project), ...(context.opts ?? [])]),
    ...(pillarenv === undefined ? {} : { pillarenv }),
    events: { send: (tag) => Promise.reject(offline(`the event ${tag} reaches nobody`)) },
    mine: NO_MINE,
    log: silentLogger,
  };
  const pillar = pillarFor({ id, grains, base, request, project, found });
  const noted: RuntimeOptions['pillar'] = async (query) => {
    const answer = await pillar(query);
    remarks.push(...answer.diagnostics);
    return answer;
  };
  return new HostRuntime({ ...base, facts: () => Promise.resolve(grains), pillar: noted }, stateFunctions);
}

/** `opts` as a minion without a master has them. */
function optsOf(id: string, { pillarenv, saltenv }: OfflineRequest, project: Project | undefined): PyMap {
  return fromPlain({
    id,
    ...(project === undefined
      ? {}
      : {
          ...templateOpts(project.settings),
          file_roots: project.settings.file_roots,
          pillar_roots: project.settings.pillar_roots,
          pillar_merge_lists: project.settings.pillar_merge_lists,
        }),
    ...(pillarenv === undefined ? {} : { pillarenv }),
    saltenv: saltenv ?? 'base',
    file_client: 'local',
    __role: 'minion',
    __cli: 'salt-call',
  }) as PyMap;
}

interface PillarParts {
  readonly id: string;
  readonly grains: PyMap;
  readonly base: Omit<RuntimeOptions, 'facts' | 'pillar'>;
  readonly request: OfflineRequest;
  readonly project: Project | undefined;
  readonly found: Found;
}

/** The context's pillar, or else what the project's pillar roots give the id. A pillar file sees none of itself. */
function pillarFor({ id, grains, base, request, project, found }: PillarParts): RuntimeOptions['pillar'] {
  const { context, signal, cwd } = request;
  if (context.pillar !== undefined || project === undefined || found.kind === 'pillar') {
    const given = context.pillar ?? new PyMap();
    return ({ override }) => Promise.resolve(compiled(mergeMaps(given, override ?? new PyMap(), false)));
  }
  const settings = pillarOpts(project.settings);
  // Functions that pillar templates call look for `salt://` among the states, as on a master.
  const compile = createPillarCompiler({ files: new LocalRoots(project.pillars), settings, base });
  return async ({ pillarenv, override }) => {
    const { value, diagnostics } = await compile({
      ...{ id, grains, pillarenv, signal },
      ...(override === undefined ? {} : { override }),
    });
    const placed = diagnostics.map((diagnostic) => inPillarRoots(diagnostic, project.pillars, cwd));
    return value === undefined ? notCompiled(placed) : compiled(value, placed);
  };
}

/** Says of the places in a pillar that they are there: states may have files of the same names. */
function inPillarRoots(diagnostic: Diagnostic, roots: LocalRootsByEnv, cwd: string): Diagnostic {
  const directories = Object.values(roots).flatMap((places) => places.map(({ directory }) => directory));
  const found = <P extends SourceRange>(place: P): P => {
    const directory = directories.find((root) => existsSync(join(root, place.file)));
    return directory === undefined ? place : { ...place, file: relative(cwd, join(directory, place.file)) };
  };
  const { source, chain } = diagnostic;
  return {
    ...diagnostic,
    ...(source === undefined ? {} : { source: found(source) }),
    ...(chain === undefined ? {} : { chain: chain.map(found) }),
  };
}

function offline(message: string): EdgeError {
  return new EdgeError(
    'EDGE_NOT_SUPPORTED',
    message,
    {},
    { hint: 'Let the master render it: edge-run render FILE --as MINION.' },
  );
}
