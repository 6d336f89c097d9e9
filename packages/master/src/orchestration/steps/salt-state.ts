import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { destinationProblem, targetOf } from '@edge-run/shared/orchestration';
import { saltStateStep } from '@edge-run/shared/protocol';
import { STATE_NOTES } from '@edge-run/shared/protocol/plain';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { z } from 'zod';
import { defineStep, type StepAnswer, type StepContext } from '../step-kind.ts';
import { batchOptions, verdictOf } from './batches.ts';
import { planStates } from './plan-states.ts';
import { hostResults, mayFail, missingReturns, nobodyLeft, reportAnswers, rosterHosts, targetLeft } from './targets.ts';

type Arguments = z.output<typeof saltStateStep.args>;

/** Applies states on the targets (Salt 3006 `saltmod.state`). */
export const saltState = defineStep({
  ...saltStateStep,
  plan: (given, ctx, foresight) => {
    // Everybody can look at once.
    const { batch: _batch, subset: _subset, ...whole } = given;
    const look = (hosts: readonly string[]): Promise<StepAnswer> =>
      apply({ ...whole, tgt: [...hosts], tgt_type: 'list', test: true }, ctx);
    return planStates(given, { call: stateCall(given, ctx), look }, ctx, foresight);
  },
  run: (given, ctx) => apply(given, ctx),
});

/** How much of a command's error output is worth repeating. */
const ERROR_OUTPUT_CHARACTERS = 300;

async function apply(given: Arguments, ctx: StepContext): Promise<StepAnswer> {
  const problem = destinationProblem(given, ctx.ports.returners);
  if (problem !== undefined) return { result: false, changes: new PyMap(), comment: problem };
  const left = await targetLeft(given, ctx);
  if (left === undefined) return nobodyLeft(ctx);
  const hosts = await rosterHosts(left, given, ctx);
  if (hosts === undefined) return nobody(given);
  const { target, targetType } = hosts;
  const call = stateCall(given, ctx);
  if (call === undefined)
    return { result: false, changes: new PyMap(), comment: 'No highstate or sls specified, no execution made' };
  const answer = await ctx.ports.jobs.run(
    {
      target,
      targetType,
      ...call,
      jid: ctx.jid,
      by: `run:${ctx.run.id}`,
      // States look first: applying them again finishes what was begun.
      resumable: true,
      run: ctx.run.ofJob,
      step: ctx.step,
      onAnswer: reportAnswers(ctx),
      ...batchOptions(given),
      ...(given.subset === undefined ? {} : { subset: given.subset }),
      ...(given.deadline === undefined ? {} : { timeoutMs: given.deadline * 1000 }),
    },
    ctx.signal,
  );
  return summarise(given, answer, call.kwargs.get('test') === true);
}

/** The function and arguments that the hosts get. */
function stateCall(
  given: Arguments,
  ctx: StepContext,
): { fun: string; args: Value[]; kwargs: Map<string, Value> } | undefined {
  const kwargs = new Map<string, Value>();
  if (given.kwarg instanceof PyMap) for (const [key, value] of given.kwarg) kwargs.set(String(key), value);
  const pillarenv = given.pillarenv ?? ctx.run.pillarenv;
  if (pillarenv !== undefined) kwargs.set('pillarenv', pillarenv);
  // Hosts take base by themselves; told so, a highstate would leave the other environments of the top file out.
  const saltenv = given.saltenv ?? (ctx.run.saltenv === 'base' ? undefined : ctx.run.saltenv);
  if (saltenv !== undefined) kwargs.set('saltenv', saltenv);
  if (given.pillar !== undefined && given.pillar !== null) kwargs.set('pillar', given.pillar);
  if (given.test === true || ctx.run.testing) kwargs.set('test', true);
  if (given.exclude !== undefined) kwargs.set('exclude', given.exclude);
  if (given.highstate === true) return { fun: 'state.highstate', args: [], kwargs };
  if (given.top !== undefined) return { fun: 'state.top', args: [given.top], kwargs };
  if (given.sls === undefined) return undefined;
  const names = typeof given.sls === 'string' ? given.sls.split(',').map((name) => name.trim()) : given.sls;
  return { fun: 'state.sls', args: [names], kwargs };
}

function nobody(given: Arguments): StepAnswer {
  const roster = given.ssh === true ? ' among the hosts of the roster' : '';
  const comment = `No minions returned: nothing matches ${targetOf(given).target}${roster}`;
  return { result: false, changes: new PyMap(), comment };
}

function summarise(given: Arguments, answer: JobAnswer, testing: boolean): StepAnswer {
  const ids = [...answer.targets.keys()].sort();
  if (ids.length === 0) return nobody(given);
  const excused = mayFail(given.fail_minions);
  const broken = ids.filter((id) => stateFailed(answer.targets.get(id)!));
  const verdict = verdictOf(
    given,
    answer,
    broken.filter((id) => !excused.has(id)),
  );
  const { isFailure, failed, notes } = verdict;
  // What failed is shown with what changed; False stands for a host without a return.
  const shown = ids.filter((id) => broken.includes(id) || hasChanges(answer.targets.get(id)?.ret ?? null));
  const quiet = ids.filter((id) => !shown.includes(id));
  const silent = missingReturns(answer);
  return {
    result: isFailure ? false : testing && shown.length > 0 ? null : true,
    changes:
      shown.length === 0
        ? new PyMap()
        : new PyMap([
            ['out', 'highstate'],
            ['ret', new PyMap(shown.map((id) => [id, answer.targets.get(id)?.ret ?? false]))],
          ]),
    comment: [
      ...(isFailure
        ? failed.length === 0
          ? []
          : [`Run failed on minions: ${failed.join(', ')}`]
        : [
            'States ran successfully.',
            ...(shown.length > 0 ? [`Updating ${shown.join(', ')}.`] : []),
            ...(quiet.length > 0 ? [`No changes made to ${quiet.join(', ')}.`] : []),
          ]),
      ...notes,
      ...(silent === '' ? [] : [`No return: ${silent}.`]),
      ...broken.flatMap((id) => failureLines(id, answer.targets.get(id)!)),
    ].join(' '),
    hosts: hostResults(answer, verdict),
  };
}

function stateFailed(target: JobTargetAnswer): boolean {
  if (target.outcome !== 'succeeded' || target.retcode !== 0) return true;
  return !(target.ret instanceof PyMap) || anyState(target.ret, (state) => state.get('result') === false);
}

function hasChanges(ret: Value): boolean {
  return anyState(ret, (state) => {
    const changes = state.get('changes');
    return changes instanceof PyMap && changes.size > 0;
  });
}

function anyState(ret: Value, holds: (state: PyMap) => boolean): boolean {
  return ret instanceof PyMap && [...ret.values()].some((state) => state instanceof PyMap && holds(state));
}

/** What went wrong on a host, in one line each: the reader should not have to look the job up. */
function failureLines(id: string, target: JobTargetAnswer): string[] {
  if (Array.isArray(target.ret)) return target.ret.map((line) => `${id}: ${String(line)}`);
  if (typeof target.ret === 'string') return [`${id}: ${target.ret}`];
  if (!(target.ret instanceof PyMap)) return target.evidence === undefined ? [] : [`${id}: ${target.evidence}`];
  const states = [...target.ret.values()].filter(
    (state): state is PyMap => state instanceof PyMap && state.get('result') === false,
  );
  return states.map(
    (state) =>
      `${id}: ${String(state.get('__id__') ?? state.get('name'))}${placeText(state)}: ${String(state.get('comment'))}${errorOutput(state)}`,
  );
}

/** ` (web.sls:4)`, where the host knows it. */
function placeText(state: PyMap): string {
  const notes = state.get(STATE_NOTES);
  const place = notes instanceof PyMap ? notes.get('place') : undefined;
  return typeof place === 'string' ? ` (${place})` : '';
}

/** The end of what a failed command wrote to stderr; the comment of `cmd.run` is only the command. */
function errorOutput(state: PyMap): string {
  const changes = state.get('changes');
  const stderr = changes instanceof PyMap ? changes.get('stderr') : undefined;
  return typeof stderr === 'string' && stderr !== '' ? `: ${stderr.slice(-ERROR_OUTPUT_CHARACTERS)}` : '';
}
