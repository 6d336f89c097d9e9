import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { runLine } from '../../support/command-line.ts';
import type { CaseResult } from '../runner.ts';

type Request = OperationArgs<'jobs.publish'>;

interface Parsed {
  readonly tgt: JsonValue;
  readonly tgt_type: string;
  readonly fun: string | readonly string[];
  readonly arg: readonly JsonValue[];
  readonly options: Readonly<Record<string, JsonValue>>;
}

export interface OptionsCase {
  readonly argv: readonly string[];
  readonly expected: { readonly parsed: Parsed } | { readonly exit: number; readonly stderr: string };
}

/** Salt waits five seconds where nobody says how long. */
const SALT_TIMEOUT_SECONDS = 5;

/**
 * A whole line of Salt's `salt` command, run against a master that notes what it is asked: the target, functions,
 * arguments and what the options mean must be those Salt's parser found.
 */
export async function runOptions({ argv, expected }: OptionsCase): Promise<CaseResult> {
  const name = `salt_options: ${JSON.stringify(argv)}`;
  const ran = await runLine([...argv, '--no-wait'], {
    'jobs.publish': () => ({ jid: 'j', targets: ['minion1'] }),
    match: () => ({ ids: ['minion1'], missing: [], hosts: [] }),
  });
  const requests = ran.asked.flatMap(({ name: asked, args }) => (asked === 'jobs.publish' ? [args as Request] : []));
  if (!('parsed' in expected)) {
    const refused = ran.exitCode === 2 && ran.asked.length === 0;
    return refused ? { name, outcome: 'passed' } : failed(name, ran, 'a refusal before anything is asked');
  }
  if (expected.parsed.options.preview_target === true) {
    const shown = requests.length === 0 && ran.asked.some(({ name: asked }) => asked === 'match');
    return shown ? { name, outcome: 'passed' } : failed(name, ran, 'only the selection');
  }
  const got = requests.map(meaning);
  const wanted = wantedRequests(expected.parsed);
  return isDeepStrictEqual(got, wanted) ? { name, outcome: 'passed' } : failed(name, got, wanted);
}

function meaning(request: Request): object {
  const { target, fun, args, kwargs, batch, batchSafe, batchWaitMs, subset, failhard, timeoutMs } = request;
  return {
    tgt: target.expr,
    type: target.type,
    fun,
    args,
    kwargs,
    ...{ batch, batchSafe, batchWaitMs, subset, failhard, timeoutMs },
  };
}

function wantedRequests(parsed: Parsed): object[] {
  const functions = typeof parsed.fun === 'string' ? [parsed.fun] : parsed.fun;
  const lists = typeof parsed.fun === 'string' ? [parsed.arg] : (parsed.arg as readonly JsonValue[][]);
  const { batch, batch_wait: wait, batch_safe_limit: safe, subset, failhard, timeout } = parsed.options;
  return functions.map((fun, index) => {
    const words = lists[index]!;
    const named = words
      .filter(isKwargs)
      .flatMap((word) => Object.entries(word as JsonObject).filter(([key]) => key !== '__kwarg__'));
    return {
      tgt: parsed.tgt,
      type: parsed.tgt_type,
      fun,
      args: words.filter((word) => !isKwargs(word)),
      kwargs: named,
      batch,
      // Where nobody says how large such a batch is, it has Salt's size.
      batchSafe: safe === undefined ? undefined : { limit: safe, size: '8' },
      batchWaitMs: wait === undefined ? undefined : Number((wait as { $float: string }).$float) * 1000,
      subset,
      failhard,
      timeoutMs: timeout === SALT_TIMEOUT_SECONDS ? undefined : Number(timeout) * 1000,
    };
  });
}

function isKwargs(word: JsonValue): boolean {
  return word !== null && typeof word === 'object' && '__kwarg__' in word;
}

function failed(name: string, got: unknown, wanted: unknown): CaseResult {
  return { name, outcome: 'failed', difference: `got ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}` };
}
