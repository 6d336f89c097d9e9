import { createHash } from 'node:crypto';
import { EdgeError } from '@edge-run/shared/kernel';
import { OPERATIONS, type RunGraph } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap } from '@edge-run/shared/values';
import { canonicalJson } from '@edge-run/shared/view';
import { type Operation, operation } from '../gateway/index.ts';
import {
  type CompiledOrchestration,
  type RunHistory,
  type RunRequest,
  type RunService,
  summaryOf,
} from '../orchestration/index.ts';
import { resolveRun } from './orch.ts';

/** Characters of a digest that are shown: enough to tell two steps apart. */
const DIGEST_LENGTH = 16;

/** What the operations are answered with that show runs from other sides than their journal. */
export interface RunViewOperationsOptions {
  readonly runs: RunService;
  readonly history: RunHistory;
  /** Renders and compiles, and runs nothing but the calls of its templates. @throws DiagnosticsError */
  compile(request: RunRequest): Promise<CompiledOrchestration>;
}

/** What people ask about the shape of orchestrations, and how long they take. */
export function runViewOperations({
  runs,
  history,
  compile,
}: RunViewOperationsOptions): Readonly<Record<string, Operation>> {
  return {
    'orch.graph': operation(OPERATIONS['orch.graph'].args, async ({ of, saltenv, pillarenv, pillar }, caller) => {
      const run = await resolveRun(of, runs, history).catch((error: unknown) => {
        if (error instanceof EdgeError && error.code === 'EDGE_UNKNOWN_RUN' && !of.startsWith('@')) return undefined;
        throw error;
      });
      const record = run === undefined ? undefined : await runs.find(run);
      if (record !== undefined) return { run, ...graphOf(record.name, record.stored.plan.chunks) };
      const override = pillar === undefined ? undefined : decodeValue(pillar);
      const { name, stored } = await compile({
        name: of,
        by: caller.id,
        ...(saltenv === undefined ? {} : { saltenv }),
        ...(pillarenv === undefined ? {} : { pillarenv }),
        ...(override instanceof PyMap ? { pillar: override } : {}),
      });
      return graphOf(name, stored.plan.chunks);
    }),
    'orch.durations': operation(OPERATIONS['orch.durations'].args, async ({ name }) => ({
      orchestrations: history.durations.list(name),
    })),
  };
}

function graphOf(name: string, chunks: CompiledOrchestration['stored']['plan']['chunks']): RunGraph {
  return {
    name,
    steps: chunks.map((chunk) => ({
      ...summaryOf(chunk),
      parallel: chunk.options.parallel,
      digest: createHash('sha256')
        .update(canonicalJson(encodeValue(chunk.args)))
        .digest('hex')
        .slice(0, DIGEST_LENGTH),
    })),
    edges: chunks.flatMap(({ key, requisites }) =>
      requisites.flatMap(({ kind, quantifier, targets }) =>
        targets.map((from) => ({ from, to: key, kind, any: quantifier === 'any' })),
      ),
    ),
  };
}
