import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { HostJob, HostJobResult } from '@edge-run/shared/execute';
import { EdgeError, newId } from '@edge-run/shared/kernel';
import { createLateLogger } from '@edge-run/shared/logging';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { loadJson, loadYaml } from '@edge-run/shared/render';
import { readWords } from '@edge-run/shared/schema';
import type { PyMap } from '@edge-run/shared/values';
import { readMinionConfig } from '../config/index.ts';
import { formatAnswer, type OutputForm } from './call-output.ts';
import { createMasterlessExecutor } from './masterless.ts';

const OPTIONS = {
  config: { type: 'string' },
  id: { type: 'string' },
  'file-root': { type: 'string', multiple: true },
  'pillar-root': { type: 'string', multiple: true },
  pillarenv: { type: 'string' },
  out: { type: 'string', short: 'o', default: 'text' },
  'log-level': { type: 'string' },
} as const;

/** Arguments of a call went wrong before anything was touched. */
const NOT_STARTED: ReadonlySet<string> = new Set([
  'EDGE_UNKNOWN_FUNCTION',
  'EDGE_UNKNOWN_ARGUMENT',
  'EDGE_MISSING_ARGUMENT',
  'EDGE_BAD_ARGUMENT',
]);

/**
 * Runs one function on this machine without a master and prints what it answered: `call FUN [WORD…] [KEY=VALUE…]`.
 * `machine` is what the machine says about itself.
 *
 * @throws EdgeError for options and words that cannot be read
 */
export async function callFunction(
  argv: readonly string[],
  print: (text: string) => void,
  machine: Promise<PyMap>,
): Promise<ExitCode> {
  const { values, positionals } = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  const [fun, ...words] = positionals;
  if (fun === undefined)
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      'call needs a function',
      {},
      { hint: 'edge-minion call state.apply web' },
    );
  const form = outputForm(values.out);
  const config = await readMinionConfig(values.config, {
    env: process.env,
    flags: {
      id: values.id,
      pillarenv: values.pillarenv,
      file_roots: rootsOfFlags(values['file-root']),
      pillar_roots: rootsOfFlags(values['pillar-root']),
      // What a call logs would stand between the lines of its answer.
      log_level: values['log-level'] ?? 'warn',
    },
  });
  const log = createLateLogger(config.log_level);
  const result = await untilInterrupted((signal) =>
    createMasterlessExecutor(config, log, machine).execute(jobOf(fun, words), { signal, log }),
  );
  print(formatAnswer(config.id, result, form));
  return exitCodeOf(fun, result);
}

function jobOf(fun: string, words: readonly string[]): HostJob {
  const { args, kwargs } = readWords(words, { yaml: loadYaml, json: loadJson });
  const named = [...kwargs];
  return {
    jid: newId(),
    fun,
    args: args.map(({ value }) => value),
    kwargs: new Map(named.map(([key, { value }]) => [key, value])),
    typed: {
      args: args.map(({ typed }) => typed),
      kwargs: new Map(named.flatMap(([key, { typed }]) => (typed === undefined ? [] : [[key, typed]]))),
    },
  };
}

/** `DIR` serves `base`, `ENV=DIR` another environment. */
function rootsOfFlags(flags: readonly string[] | undefined): Record<string, string[]> | undefined {
  if (flags === undefined) return undefined;
  const roots: Record<string, string[]> = {};
  for (const flag of flags) {
    const [, env = 'base', directory = flag] = /^(\w+)=(.+)$/.exec(flag) ?? [];
    roots[env] = [...(roots[env] ?? []), resolve(directory)];
  }
  return roots;
}

function outputForm(text: string): OutputForm {
  if (text === 'text' || text === 'json') return text;
  throw new EdgeError('EDGE_BAD_ARGUMENT', `no output form ${text}`, { out: text }, { hint: 'One of: text, json.' });
}

async function untilInterrupted(work: (signal: AbortSignal) => Promise<HostJobResult>): Promise<HostJobResult> {
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort(new EdgeError('EDGE_CANCELLED', 'interrupted'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(interrupt.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function exitCodeOf(fun: string, { outcome, ret, error }: HostJobResult): ExitCode {
  switch (outcome) {
    case 'succeeded':
      return EXIT.done;
    case 'timed-out':
      return EXIT.timedOut;
    case 'cancelled':
      return EXIT.interrupted;
    case 'unreachable':
    case 'failed':
      // States that do not compile are a list of errors: nothing has run.
      if (fun.startsWith('state.') && Array.isArray(ret)) return EXIT.notStarted;
      return error !== undefined && (NOT_STARTED.has(error.code) || error.details.diagnostics !== undefined)
        ? EXIT.notStarted
        : EXIT.failed;
  }
}
