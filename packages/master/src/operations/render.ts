import { HostRuntime, type RuntimeOptions, renderStage, type StageRequest } from '@edge-run/shared/execute';
import { findSls, slsOfPath } from '@edge-run/shared/files';
import { type Compiled, compiled, DiagnosticsError, EdgeError, requireCompiled } from '@edge-run/shared/kernel';
import { OPERATIONS } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap } from '@edge-run/shared/values';
import { type Operation, operation } from '../gateway/index.ts';
import type { Nodes } from '../nodes/index.ts';
import { declaredStates, STEP_KINDS } from '../orchestration/index.ts';

/** An orchestration is rendered like any other SLS, and its states are steps. */
const STEPS = declaredStates(STEP_KINDS);

/** What files are rendered with. */
export interface RenderOperationsOptions {
  /** What every host's runtime is made from. */
  readonly base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>;
  readonly nodes: Nodes;
  /** Facts of the master, for files that are rendered as nobody's. */
  readonly facts: () => Promise<PyMap>;
  readonly master: string;
  pillarOf(id: string, query: { pillarenv: string | undefined; override: PyMap | undefined }): Promise<Compiled<PyMap>>;
}

/** Shows people what a file becomes. Functions its templates call run on the master. */
export function renderOperations(options: RenderOperationsOptions): Readonly<Record<string, Operation>> {
  return {
    render: operation(OPERATIONS.render.args, async ({ path, stage, id, saltenv = 'base', ...more }, _, signal) => {
      const { base, nodes, facts, master, pillarOf } = options;
      if (id !== undefined && nodes.kindOf(id) === undefined) {
        throw new EdgeError(
          'EDGE_TARGET_MATCHES_NOTHING',
          `no host ${id}`,
          { id },
          { hint: "See 'edge-run nodes ls'." },
        );
      }
      const { pillarenv } = more;
      const override = more.pillar === undefined ? undefined : decodeValue(more.pillar);
      const data = requireCompiled(
        await pillarOf(id ?? master, { pillarenv, override: override instanceof PyMap ? override : undefined }),
      );
      const runtime = new HostRuntime({
        ...base,
        facts: id === undefined ? facts : async () => nodes.factsOf(id),
        pillar: async () => compiled(data),
        ...(pillarenv === undefined ? {} : { pillarenv }),
      });
      const file = await source(path, saltenv, base);
      const request = { ...file, stage, saltenv, states: new Map([...base.catalog.states, ...STEPS]) };
      const rendered = await renderStage(runtime, request, { signal, log: base.log });
      const answer = requireCompiled(rendered);
      const warnings = [...rendered.diagnostics];
      return 'text' in answer ? { ...answer, warnings } : { value: encodeValue(answer.value), warnings };
    }),
  };
}

/** A dotted SLS name, or a `salt://` path. */
async function source(
  path: string,
  saltenv: string,
  { files }: Pick<RuntimeOptions, 'files'>,
): Promise<Pick<StageRequest, 'text' | 'path' | 'sls'>> {
  if (path.includes('/')) {
    const file = await files.open(path, saltenv);
    if (file === undefined) {
      throw new EdgeError(
        'EDGE_SLS_NOT_FOUND',
        `no file ${path} in ${saltenv}`,
        { path, saltenv },
        { hint: 'Paths begin below the file roots.' },
      );
    }
    return { text: new TextDecoder().decode(await file.read()), path: file.path, sls: slsOfPath(file.path) };
  }
  const found = await findSls(files, saltenv, path);
  if (found.kind === 'missing') throw new DiagnosticsError([found.diagnostic]);
  return { text: new TextDecoder().decode(await found.file.read()), path: found.file.path, sls: found.sls };
}
