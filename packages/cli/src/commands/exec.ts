import { EdgeError } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { parseCount, parseDuration } from '../flags.ts';
import { emit } from '../output/emit.ts';
import { formatValue, plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { addTargetFlags, readTarget } from '../target.ts';
import { encodeWords } from '../words.ts';
import { runJob } from './job.ts';
import { type Options, type Register, wordAt, wordsAt } from './registry.ts';
import { startOrchestration } from './start-run.ts';

type JobRequest = OperationArgs<'jobs.publish'>;

const RUNNER_WITHIN_MS = 600_000;

/** `exec TARGET FUN [ARG…]`, `ssh …` and the hidden `runner FUN [ARG…]` that `RUNNER.FUN …` stands for. */
export function addExecCommands(program: Command, register: Register): void {
  register(
    addJobFlags(addTargetFlags(program.command('exec <target> <function> [args...]')))
      .summary('run a function on targets (short form: edge-run TARGET FUN …)')
      .addHelpText('after', "\nExample:  edge-run exec 'web*' cmd.run 'uptime -p'"),
    (session, words, options) => execute(session, words, options, 'bus'),
  );
  register(
    addJobFlags(addTargetFlags(program.command('ssh <target> <function> [args...]')))
      .summary('run a function on hosts of the roster, without a minion')
      .addHelpText('after', "\nExample:  edge-run ssh 'edge-*' state.apply nginx"),
    (session, words, options) => execute(session, words, options, 'ssh'),
  );
  register(
    program.command('runner <function> [args...]', { hidden: true }).summary('call a runner on the master'),
    (session, words) => callRunner(session, wordAt(words, 0), wordsAt(words, 1)),
  );
}

/** Options of everything that becomes a job. */
export function addJobFlags(command: Command): Command {
  return command
    .option('-b, --batch <size>', 'at most this many targets at a time: 2, 25%', parseBatch)
    .option('--batch-wait <duration>', 'pause after a target of a batch', parseDuration)
    .option('--subset <count>', 'only so many targets, chosen at random', parseCount)
    .option('--failhard', 'with --batch: start no further target after a failure')
    .option('--async', 'print the job id and return (as --no-wait)');
}

/** The job options of a parsed command line, as the operation takes them. */
export function readJobFlags(options: Options): Pick<JobRequest, 'batch' | 'batchWaitMs' | 'subset' | 'failhard'> {
  const { batch, batchWait, subset, failhard } = options;
  return {
    ...(typeof batch === 'string' ? { batch } : {}),
    ...(typeof batchWait === 'number' ? { batchWaitMs: batchWait } : {}),
    ...(typeof subset === 'number' ? { subset } : {}),
    ...(failhard === true ? { failhard } : {}),
  };
}

/** `--async` is `--no-wait` under the name users of Salt know. */
export function withAsync(session: Session, options: Options): Session {
  return options.async === true ? { ...session, flags: { ...session.flags, wait: false } } : session;
}

async function execute(
  session: Session,
  words: Parameters<typeof wordAt>[0],
  options: Options,
  transport: 'bus' | 'ssh',
): Promise<ExitCode> {
  const given = [wordAt(words, 1), ...wordsAt(words, 2)];
  const [fun = '', ...args] = transport === 'ssh' && !given[0]?.includes('.') ? joinFunction(given) : given;
  const { args: values, kwargs, typed } = await encodeWords(args, session.literalWords);
  return runJob(withAsync(session, options), {
    target: readTarget(wordAt(words, 0), options),
    fun,
    args: values,
    kwargs,
    typed,
    ...readJobFlags(options),
    ...(transport === 'ssh' ? { transport } : {}),
  });
}

/** `ssh TARGET state apply …` reads as `state.apply`. */
function joinFunction([module, fun, ...rest]: readonly string[]): readonly string[] {
  if (module === undefined || fun === undefined) return module === undefined ? [] : [module];
  return [`${module}.${fun}`, ...rest];
}

/** A runner's return; `state.orchestrate` is `orch run`. */
async function callRunner(session: Session, fun: string, words: readonly string[]): Promise<ExitCode> {
  if (fun === 'state.orchestrate' || fun === 'state.orch') return startOrchestration(session, words);
  const { flags } = session;
  const { args, kwargs, typed } = await encodeWords(words, session.literalWords);
  const timeoutMs = flags.timeoutMs ?? RUNNER_WITHIN_MS;
  const client = await session.master();
  const answer = await client.ask('runner.call', { fun, args, kwargs, typed, timeoutMs }, { timeoutMs });
  if (answer.error !== undefined) {
    const { code, message, details, hint } = answer.error;
    session.note(`✗ ${fun}: ${code} ${message}${hint === undefined ? '' : `\n  help: ${hint}`}`);
    if (answer.ret === null) {
      await emit(session, { fun, succeeded: false, error: { code, message, details, hint } }, () => '');
      return EXIT.failed;
    }
  }
  await emit(session, plainJson(answer.ret), () => `${formatValue(answer.ret).join('\n')}\n`);
  return answer.succeeded ? EXIT.done : EXIT.failed;
}

function parseBatch(text: string): string {
  if (/^[1-9]\d*%?$/.test(text)) return text;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `--batch ${text} is no number and no percentage`,
    { batch: text },
    {
      hint: "Write a count or a share: edge-run --batch 25% '*' test.ping",
    },
  );
}
