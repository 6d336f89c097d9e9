import { EdgeError, type JsonValue, newId } from '@edge-run/shared/kernel';
import { mergeMaps } from '@edge-run/shared/pillar';
import {
  type ForeseenWorld,
  PLAN_RUN_PREFIX,
  type RenderingCall,
  type RunOptions,
  type StepSummary,
} from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap } from '@edge-run/shared/values';
import type { RunRecord, StoredPlan } from './run-record.ts';
import { sealedAs, sealedPaths } from './secret-values.ts';
import type { ExpectedPlan, Sources } from './sources.ts';

/** What somebody asks to be run. */
export interface RunRequest {
  /** Name of the orchestration: `deploy-environment`. */
  readonly name: string;
  readonly saltenv?: string;
  readonly pillarenv?: string;
  /** Laid over the pillar and wins. */
  readonly pillar?: PyMap;
  /** Only look. */
  readonly test?: boolean;
  /** Laid over what the orchestration says below `__run__`. */
  readonly options?: PyMap;
  /** `user`, `schedule:name`, `reactor:name`, `run:id`. */
  readonly by: string;
  /** Event that led here. */
  readonly causedBy?: string;
  /** The plan to be run; any other is refused. */
  readonly expect?: ExpectedPlan;
  /** In a plan: what the plan that asks foresees. */
  readonly foreseen?: ForeseenWorld;
  /** Digest of the bundle it is to be made of: that of the run that asks. */
  readonly bundle?: string;
  /** Id to use: starting the same run twice attaches to the first. */
  readonly id?: string;
}

/** An orchestration rendered and compiled. */
export interface CompiledOrchestration {
  /** Its full name: `orch.deploy-environment`. */
  readonly name: string;
  readonly stored: StoredPlan;
  readonly options: RunOptions;
  readonly steps: readonly StepSummary[];
  /** Digests of what it was made of. */
  readonly sources: Sources;
  /** Digest of the bundle it was made of, where the run stands on it. */
  readonly bundle?: string;
  /** In a plan: what its templates called. */
  readonly rendering?: readonly RenderingCall[];
}

/**
 * The request that asks for what a run was asked for, with `pillar` laid over what was laid over the pillar then.
 *
 * @throws EdgeError `EDGE_MISSING_ARGUMENT` for secrets that were given then, are not kept, and not given again
 */
export function requestToRepeat({ id, name, inputs }: RunRecord, pillar = new PyMap()): Omit<RunRequest, 'by'> {
  const { saltenv, pillarenv, test } = inputs;
  const kept = inputs.pillar === undefined ? undefined : decodeValue(inputs.pillar);
  const override = mergeMaps(kept instanceof PyMap ? kept : new PyMap(), pillar, false);
  const missing = sealedPaths(override);
  if (missing.length > 0) {
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      `run ${id} was given secrets by pillar=, which are not kept: ${missing.join(', ')}`,
      { run: id, missing: [...missing] },
      { hint: `Give them again: edge-run orch retry ${id} --with-current pillar='{…}'` },
    );
  }
  return {
    ...{ name, saltenv, test },
    ...(pillarenv === undefined ? {} : { pillarenv }),
    ...(override.size === 0 ? {} : { pillar: override }),
  };
}

/** The id a run gets; that of one that only plans tells so: what happens in it starts no reaction. */
export function idOf({ id = newId(), test }: RunRequest): string {
  return test !== true || id.startsWith(PLAN_RUN_PREFIX) ? id : `${PLAN_RUN_PREFIX}${id}`;
}

/** The inputs of a request as they are journaled; what it lays over secrets of `pillar` is sealed as they are. */
export function inputsOf(request: RunRequest, pillar: PyMap): Record<string, JsonValue> {
  return {
    saltenv: request.saltenv ?? 'base',
    test: request.test ?? false,
    ...(request.pillarenv === undefined ? {} : { pillarenv: request.pillarenv }),
    ...(request.pillar === undefined ? {} : { pillar: encodeValue(sealedAs(pillar, request.pillar)) }),
  };
}
