import { EdgeError } from '@edge-run/shared/kernel';
import type { TargetExpression } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { type Command, Option } from 'commander';
import { parseCount } from '../flags.ts';
import { emit } from '../output/emit.ts';
import { formatValue, plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { addTargetFlags, readTarget } from '../target.ts';
import { encodeWords } from '../words.ts';
import { runJob } from './job.ts';
import { addJobFlags, parseBatch, readJobFlags, withAsync } from './job-flags.ts';
import { type Options, type Register, wordAt, wordsAt } from './registry.ts';
import { startOrchestration } from './start-orchestration.ts';

type Words = Parameters<typeof wordAt>[0];

const RUNNER_WITHIN_MS = 600_000;

/** `exec TARGET FUN [ARG…]` and the hidden `runner FUN [ARG…]` that `RUNNER.FUN …` stands for. */
export function addExecCommands(program: Command, register: Register): void {
  register(
    addSaltFlags(addJobFlags(addTargetFlags(program.command('exec <target> [function] [args...]'))))
      .summary('run a function on targets (short form: edge-run TARGET FUN …)')
      .addHelpText('after', "\nExample:  edge-run exec 'web*' cmd.run 'uptime -p'"),
    executeSalt,
  );
  register(
    program.command('runner <function> [args...]', { hidden: true }).summary('call a runner on the master'),
    (session, words) => callRunner(session, wordAt(words, 0), wordsAt(words, 1)),
  );
}

/** Words of Salt's own command line; what is always so here is accepted without effect. */
function addSaltFlags(command: Command): Command {
  const hidden = (flags: string): Option => new Option(flags).hideHelp();
  return command
    .option('-d, --doc', 'print the documentation of functions instead (sys.doc)')
    .option('--preview-target', 'print who would be selected, and run nothing')
    .option('--batch-safe-limit <count>', 'batch only when more targets than this are selected', parseCount)
    .option('--batch-safe-size <size>', 'size of such a batch (8)', parseBatch)
    .addOption(new Option('--args-separator <word>', 'between the arguments of several functions').default(','))
    .addOption(hidden('--state-output <mode>'))
    .addOption(hidden('--static'))
    .addOption(hidden('--show-jid'));
}

async function executeSalt(plain: Session, words: Words, options: Options): Promise<ExitCode> {
  const session = withStateOutput(withAsync(plain, options), options);
  const target = readTarget(wordAt(words, 0), options);
  if (options.previewTarget === true) return (await import('./match.ts')).printMatch(session, target, { all: false });
  const given = wordAt(words, 1);
  const args = wordsAt(words, 2);
  if (options.doc === true) {
    return runFunction(session, target, 'sys.doc', given === '' ? [] : [given, ...args], options);
  }
  if (given === '') {
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      `which function is to run on ${wordAt(words, 0)}?`,
      {},
      {
        hint: `Name it: edge-run '${wordAt(words, 0)}' test.ping`,
      },
    );
  }
  const functions = given.split(',').filter((fun) => fun !== '');
  const lists = functions.length > 1 ? splitArguments(functions, args, String(options.argsSeparator)) : [args];
  let exitCode: ExitCode = EXIT.done;
  for (const [index, fun] of functions.entries()) {
    const ended = await runFunction(session, target, fun, lists[index]!, options);
    if (exitCode === EXIT.done) exitCode = ended;
  }
  return exitCode;
}

/** `test.arg,test.kwarg a , b=1`: each function has its own list, as in Salt. */
function splitArguments(functions: readonly string[], args: readonly string[], separator: string): string[][] {
  const lists: string[][] = [[]];
  for (const word of args) {
    if (word === separator) lists.push([]);
    else lists.at(-1)!.push(word);
  }
  if (lists.length === functions.length) return lists;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${functions.length} functions need ${functions.length} lists of arguments, ${lists.length} given`,
    { functions: [...functions] },
    { hint: `Write: edge-run TARGET ${functions.join(',')} ${functions.map(() => 'ARG').join(` ${separator} `)}` },
  );
}

async function runFunction(
  session: Session,
  target: TargetExpression,
  fun: string,
  words: readonly string[],
  options: Options,
): Promise<ExitCode> {
  const { args, kwargs, typed } = await encodeWords(words, Math.min(session.literalWords, words.length));
  return runJob(session, { target, fun, args, kwargs, typed, ...(await readJobFlags(options)) });
}

/** `--state-output full` is what `-v` is; the other modes are shades of what is shown anyway. */
function withStateOutput(session: Session, options: Options): Session {
  if (options.stateOutput !== 'full') return session;
  return { ...session, flags: { ...session.flags, verbose: Math.max(1, session.flags.verbose) } };
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
