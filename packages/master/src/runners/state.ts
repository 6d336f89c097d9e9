import { DiagnosticsError, EdgeError } from '@edge-run/shared/kernel';
import { rollbackRunnerDeclaration, stateRunnerDeclarations } from '@edge-run/shared/protocol';
import { EXIT } from '@edge-run/shared/protocol/plain';
import { fromPlain, PyMap, type Value } from '@edge-run/shared/values';
import type { z } from 'zod';
import {
  foreseenWorldOf,
  RELEASED,
  type RunCommands,
  type RunRecord,
  type RunRequest,
  type RunService,
} from '../orchestration/index.ts';
import { defineRunner, type PlannedRun, type Runner, type RunnerContext, type RunnerPlanContext } from './contract.ts';
import { stateReturns } from './state-returns.ts';

/** Runs an orchestration and answers as Salt's runner does: `{data: {master: returns}, outputter, retcode}`. */
export function stateRunners(runs: RunService, commands: RunCommands, master: string): readonly Runner[] {
  return [
    ...stateRunnerDeclarations.map((declaration) => orchestrate(declaration, runs, commands, master)),
    rollback(runs, master),
  ];
}

type Arguments = z.output<(typeof stateRunnerDeclarations)[number]['args']>;

function rollback(runs: RunService, master: string): Runner {
  return defineRunner({
    ...rollbackRunnerDeclaration,
    plan: { kind: 'unknown', why: 'what is left to undo of a run is known only when it is undone' },
    failed: (answer) => answer instanceof PyMap && answer.get('retcode') !== 0,
    async run({ run }, ctx) {
      const undoing = await runs.rollback(run, ctx.by);
      ctx.report('started', `run ${undoing}`);
      const record = await runs.wait(undoing, ctx.signal);
      // A run that still went on was ended first, and says so.
      const isUndone = record.end?.exitCode === EXIT.done || record.end?.exitCode === EXIT.rolledBack;
      return answerOf(record, master, isUndone);
    },
  });
}

/** As Salt's runner answers. */
function answerOf(record: RunRecord, master: string, isGood = record.end?.exitCode === EXIT.done): Value {
  return fromPlain({
    data: { [master]: stateReturns(record) },
    outputter: 'highstate',
    retcode: isGood ? 0 : 1,
  });
}

function orchestrate(
  declaration: (typeof stateRunnerDeclarations)[number],
  runs: RunService,
  commands: RunCommands,
  master: string,
): Runner {
  return defineRunner({
    ...declaration,
    failed: (answer) => answer instanceof PyMap && answer.get('retcode') !== 0,
    plan: { kind: 'planned', plan: (args, ctx) => planNested(requestOf(args, ctx), runs, ctx) },
    async run(args, ctx) {
      const run = await runs.start(requestOf(args, ctx));
      ctx.report('started', `run ${run}`);
      const cancel = (): void => {
        if (isCancelled(ctx.signal.reason)) commands.abort(run, ctx.by, { rollback: false }).catch(() => undefined); // it had ended
      };
      ctx.signal.addEventListener('abort', cancel, { once: true });
      const record = await runs.wait(run, ctx.signal).finally(() => ctx.signal.removeEventListener('abort', cancel));
      return answerOf(record, master);
    },
  });
}

function requestOf(args: Arguments, { by, key, causedBy }: RunnerContext): RunRequest {
  return {
    name: typeof args.mods === 'string' ? args.mods : args.mods[0]!,
    by,
    // The same call asked for again, after a crash, attaches to the run it started.
    id: key,
    ...(causedBy === undefined ? {} : { causedBy }),
    ...(args.saltenv === undefined ? {} : { saltenv: args.saltenv }),
    ...(args.pillarenv === undefined ? {} : { pillarenv: args.pillarenv }),
    ...(args.pillar instanceof PyMap ? { pillar: args.pillar } : {}),
    ...(args.test === undefined ? {} : { test: args.test }),
  };
}

/** An orchestration that runs itself ends by what happens in it, which a plan cannot wait for. */
const DEEPEST_PLAN = 20;

/** The plan of a nested orchestration: a run of its own that only looks. */
async function planNested(
  request: RunRequest,
  runs: RunService,
  { signal, report, world }: RunnerPlanContext,
): Promise<PlannedRun> {
  if (world.depth >= DEEPEST_PLAN)
    return { effect: 'unknown', why: `${request.name} is the ${world.depth}th orchestration within another` };
  let run: string;
  try {
    run = await runs.start({ ...request, test: true, foreseen: { ...world, depth: world.depth + 1 } });
  } catch (error) {
    const { brings, leaves, touched } = world;
    const isEarly = [brings, leaves, touched].some((part) => Object.keys(part).length > 0);
    if (!(error instanceof DiagnosticsError) || !isEarly) throw error;
    // Its templates may ask what is there only once earlier steps have run.
    const why = `${request.name} cannot be rendered before earlier steps have run: ${error.diagnostics[0]?.summary}`;
    return { effect: 'unknown', why };
  }
  report('started', `run ${run}`);
  const record = await runs.wait(run, signal);
  const planned = { runs: [run], ...(record.end?.exitCode === 0 ? {} : { result: false as const }) };
  const steps = [...record.answers.values()].flatMap(({ foreseen }) => foreseen ?? []);
  const comment = `${request.name} would be run: ${steps.length} steps`;
  // Also where the real call only looks.
  if (request.test === true) return { effect: 'nothing', comment, ...planned };
  const { brings, leaves, touched } = foreseenWorldOf(record);
  const effects = new Set(steps.map(({ effect }) => effect));
  return {
    effect: effects.has('unknown') ? 'unknown' : effects.has('changes') ? 'changes' : 'nothing',
    ...(effects.has('unknown') ? { why: 'some of its steps cannot be looked up beforehand' } : {}),
    ...{ brings, leaves, comment, touches: Object.keys(touched).filter((id) => world.touched[id] === undefined) },
    ...planned,
  };
}

/** A caller that only lets go, or has lost its own run, leaves the run that it started to whoever takes its place. */
function isCancelled(reason: unknown): boolean {
  return reason instanceof EdgeError && reason.code === 'EDGE_CANCELLED' && reason !== RELEASED;
}
