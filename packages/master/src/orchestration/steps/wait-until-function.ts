import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { pythonRegex } from '@edge-run/shared/modules/text';
import { keywords, positional, targetOf } from '@edge-run/shared/orchestration';
import { type HostResult, waitUntilFunctionStep } from '@edge-run/shared/protocol';
import { encodeValue, PyFloat, PyMap, PySet, PyTuple, type Value, valuesEqual } from '@edge-run/shared/values';
import { hasFunctionFailed } from '../../jobs/index.ts';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { type Look, waitUntil, wouldWait } from './waiting.ts';

const SHOWN_CHARACTERS = 200;
const NAMED_AT_MOST = 3;

interface HostsLook extends Look {
  readonly hosts: Readonly<Record<string, HostResult>>;
}

/** What returns have to be; without an expectation the function has to succeed. */
interface Expectation {
  readonly equals?: Value | undefined;
  readonly matches?: string | undefined;
  readonly is?: boolean | undefined;
}

/** Runs a function on hosts again and again until every one of them answers as expected. */
export const waitUntilFunction = defineStep({
  ...waitUntilFunctionStep,

  plan: async (args, _, { functions }) => {
    const waited = wouldWait(`${args.name} answers as expected on ${targetOf(args).target}`);
    if (functions.get(args.name)?.access === 'read') return waited;
    const why = `${args.name}, which is called until it answers as expected, cannot be looked up beforehand`;
    return { ...waited, foreseen: { ...waited.foreseen, effect: 'unknown', why } };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const { target, targetType } = targetOf(args);
    const { name: fun } = args;
    const asExpected = expectationOf(args);
    let looks = 0;
    const look = async (): Promise<HostsLook> => {
      looks += 1;
      const answer = await ctx.ports.jobs.run(
        {
          ...{ target, targetType, fun, args: positional(args.arg), kwargs: keywords(args.kwarg) },
          // Looks of an earlier master must not answer for now.
          ...{ jid: `${ctx.jid}-${ctx.run.ofJob.epoch}-${looks}`, timeoutMs: args.timeout * 1000, step: ctx.step },
          ...{ by: `run:${ctx.run.id}`, run: ctx.run.ofJob },
        },
        ctx.signal,
      );
      return judged(answer.targets, asExpected, `nothing matches ${target} (${targetType})`);
    };
    const { answer, last } = await waitUntil(args, fun, look, ctx);
    return { ...answer, hosts: last.hosts };
  },
});

function judged(
  targets: ReadonlyMap<string, JobTargetAnswer>,
  asExpected: (ret: Value) => boolean,
  nobody: string,
): HostsLook {
  const hosts: Record<string, HostResult> = {};
  const lines: { readonly isGood: boolean; readonly text: string }[] = [];
  for (const [id, end] of [...targets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { outcome, ret, evidence } = end;
    const isGood = ret !== undefined && outcome === 'succeeded' && asExpected(ret);
    const text = ret === undefined ? `${outcome}${evidence === undefined ? '' : ` (${evidence})`}` : shown(ret);
    lines.push({ isGood, text: `${id}: ${text}` });
    hosts[id] = {
      outcome: isGood || outcome !== 'succeeded' ? outcome : 'failed',
      ...(ret === undefined ? {} : { ret: encodeValue(ret) }),
      ...(isGood ? {} : { evidence: evidence ?? 'not as expected' }),
    };
  }
  const isGood = lines.length > 0 && lines.every((line) => line.isGood);
  // What is not as expected yet says more than what is.
  const told = isGood ? lines : lines.filter((line) => !line.isGood);
  const more = told.length > NAMED_AT_MOST ? `; and ${told.length - NAMED_AT_MOST} more hosts` : '';
  const seen = told.slice(0, NAMED_AT_MOST).map(({ text }) => text);
  return { isGood, seen: lines.length === 0 ? nobody : `${seen.join('; ')}${more}`, hosts };
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for an expression that is none */
function expectationOf({ equals, matches, is }: Expectation): (ret: Value) => boolean {
  const pattern = matches === undefined ? undefined : patternOf(matches);
  const wantsSuccess = equals === undefined && pattern === undefined && is === undefined;
  return (ret) =>
    (equals === undefined || valuesEqual(ret, equals)) &&
    (pattern === undefined || shown(ret, Number.POSITIVE_INFINITY).search(pattern) !== -1) &&
    (is === undefined || isTrue(ret) === is) &&
    (!wantsSuccess || !hasFunctionFailed({ outcome: 'succeeded', retcode: 0, ret }));
}

function patternOf(matches: string): RegExp {
  try {
    return pythonRegex(matches);
  } catch (error) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `\`matches: ${matches}\` is no expression: ${errorMessage(error)}`, {});
  }
}

/** The truth of Python: nothing, zero and what is empty are false. */
function isTrue(value: Value): boolean {
  if (value instanceof PyMap || value instanceof PySet) return value.size > 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof PyTuple) return value.items.length > 0;
  if (value instanceof PyFloat) return value.value !== 0;
  return Boolean(value);
}

function shown(ret: Value, most = SHOWN_CHARACTERS): string {
  const text = typeof ret === 'string' ? ret : JSON.stringify(encodeValue(ret));
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
