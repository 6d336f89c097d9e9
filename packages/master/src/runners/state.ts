import { EdgeError } from '@edge-run/shared/kernel';
import { rollbackRunnerDeclaration, stateRunnerDeclarations } from '@edge-run/shared/protocol';
import { EXIT } from '@edge-run/shared/protocol/plain';
import { fromPlain, PyMap, type Value } from '@edge-run/shared/values';
import { RELEASED, type RunCommands, type RunRecord, type RunService } from '../orchestration/index.ts';
import { defineRunner, type Runner } from './contract.ts';
import { stateReturns } from './state-returns.ts';

/** Runs an orchestration and answers as Salt's runner does: `{data: {master: returns}, outputter, retcode}`. */
export function stateRunners(runs: RunService, commands: RunCommands, master: string): readonly Runner[] {
  return [
    ...stateRunnerDeclarations.map((declaration) => orchestrate(declaration, runs, commands, master)),
    rollback(runs, master),
  ];
}

function rollback(runs: RunService, master: string): Runner {
  return defineRunner({
    ...rollbackRunnerDeclaration,
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
    async run(args, ctx) {
      const run = await runs.start({
        name: typeof args.mods === 'string' ? args.mods : args.mods[0]!,
        by: ctx.by,
        // The same call asked for again, after a crash, attaches to the run it started.
        id: ctx.key,
        ...(ctx.causedBy === undefined ? {} : { causedBy: ctx.causedBy }),
        ...(args.saltenv === undefined ? {} : { saltenv: args.saltenv }),
        ...(args.pillarenv === undefined ? {} : { pillarenv: args.pillarenv }),
        ...(args.pillar instanceof PyMap ? { pillar: args.pillar } : {}),
        ...(args.test === undefined ? {} : { test: args.test }),
      });
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

/** A caller that only lets go, or has lost its own run, leaves the run that it started to whoever takes its place. */
function isCancelled(reason: unknown): boolean {
  return reason instanceof EdgeError && reason.code === 'EDGE_CANCELLED' && reason !== RELEASED;
}
