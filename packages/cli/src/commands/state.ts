import type { JsonValue } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { followJob } from '../progress/follow-job.ts';
import type { Session } from '../session.ts';
import { addTargetFlags, readTarget } from '../target.ts';
import { encodeWords } from '../words.ts';
import { exitCodeOfStates, hasPendingChanges, type JobReading, printFollowed, runJob } from './job.ts';
import { addJobFlags, readJobFlags, withAsync } from './job-flags.ts';
import { type Handler, type Options, type Register, wordAt, wordsAt } from './registry.ts';
import { applySaved, planAndSave } from './saved-plan.ts';

/** `state apply|plan|show|top TARGET [SLS…] [k=v…]` and `apply PLAN`: the `state.*` functions under the words people say. */
export function addStateCommands(program: Command, register: Register): void {
  const state = program.command('state').summary('bring hosts to their states, or see what that would change');
  const subcommand = (name: string, summary: string): Command =>
    addJobFlags(addTargetFlags(state.command(`${name} <target> [sls...]`))).summary(summary);
  register(
    detailed(subcommand('apply', 'apply SLS files, or the highstate; test=True only says what would change')),
    stateHandler('apply')!,
  );
  register(
    detailed(subcommand('plan', 'say what apply would change')).option(
      '--save <file>',
      'keep the plan; `edge-run apply FILE` applies exactly that, or refuses',
    ),
    stateHandler('plan')!,
  );
  register(
    subcommand('show', 'print the compiled states in the order they run, without running them'),
    stateHandler('show')!,
  );
  register(
    addTargetFlags(state.command('top <target> [args...]')).summary('print which SLS files the top file selects'),
    stateHandler('top')!,
  );
  register(
    program
      .command('apply <plan> [args...]')
      .summary('apply a saved plan, or refuse when what it was made from has moved')
      .addHelpText(
        'after',
        '\nValues of pillar= are not kept in the plan: give the same ones again.\n' +
          "\nExample:  edge-run state plan 'web*' nginx --save nginx.plan && edge-run apply nginx.plan",
      ),
    (session, words) => applySaved(session, wordAt(words, 0), wordsAt(words, 1)),
  );
}

/** What `state WORD` does; undefined for a word that is none of its own. */
export function stateHandler(word: string): Handler | undefined {
  return Object.hasOwn(HANDLERS, word) ? HANDLERS[word as keyof typeof HANDLERS] : undefined;
}

const HANDLERS = {
  apply: (session, words, options) => applyStates(session, words, options, false),
  plan: (session, words, options) =>
    typeof options.save === 'string'
      ? saveStates(session, words, options, options.save)
      : applyStates(session, words, options, true),
  async show(session, words, options) {
    const { renderLowStates } = await import('../output/low-states.ts');
    return callState(session, words, options, 'state.show_lowstate', { layOut: renderLowStates });
  },
  top: (session, words, options) => callState(session, words, options, 'state.show_top'),
} satisfies Record<string, Handler>;

async function saveStates(
  session: Session,
  words: Parameters<typeof wordAt>[0],
  options: Options,
  file: string,
): Promise<ExitCode> {
  const request = await stateRequest(words, options, 'state.plan', false);
  const kwargs = request.kwargs.filter(([name]) => name !== 'test');
  return planAndSave(session, { ...request, kwargs }, { file, detailedExitcode: options.detailedExitcode === true });
}

function detailed(command: Command): Command {
  return command.option('--detailed-exitcode', 'exit 3 when a test run found changes');
}

async function applyStates(
  session: Session,
  words: Parameters<typeof wordAt>[0],
  options: Options,
  plan: boolean,
): Promise<ExitCode> {
  const request = await stateRequest(words, options, 'state.apply', plan);
  const waiting = withAsync(session, options);
  const isPlan = request.kwargs.some(([name, value]) => name === 'test' && value === true);
  const reading = { isPlan, exitCodeOf: exitCodeOfStates };
  if (options.detailedExitcode !== true || !waiting.flags.wait) return runJob(waiting, request, reading);
  const { jid } = await (await session.master()).ask('jobs.publish', request);
  const { view, end } = await followJob(session, jid);
  await printFollowed(session, view, end, reading);
  if (end !== 'ended') return end === 'timed-out' ? EXIT.timedOut : EXIT.interrupted;
  const outcomes = new Set(Object.values(view.hosts).map((host) => host.outcome));
  const clean = outcomes.size === 1 && outcomes.has('succeeded');
  return clean && hasPendingChanges(view) ? EXIT.changesPending : exitCodeOfStates(view);
}

async function callState(
  session: Session,
  words: Parameters<typeof wordAt>[0],
  options: Options,
  fun: string,
  reading: JobReading = {},
): Promise<ExitCode> {
  return runJob(withAsync(session, options), await stateRequest(words, options, fun, false), {
    exitCodeOf: exitCodeOfStates,
    ...reading,
  });
}

/** SLS names are one argument, as Salt has it: `nginx app` and `nginx,app` are the same. */
async function stateRequest(
  words: Parameters<typeof wordAt>[0],
  options: Options,
  fun: string,
  plan: boolean,
): Promise<Parameters<typeof runJob>[1]> {
  const given = wordsAt(words, 1);
  const mods = given.filter((word) => !isKeyword(word)).join(',');
  const { kwargs, typed } = await encodeWords(given.filter(isKeyword));
  const test: [string, JsonValue][] = plan ? [['test', true]] : [];
  return {
    target: readTarget(wordAt(words, 0), options),
    fun,
    args: mods === '' ? [] : [mods],
    kwargs: [...kwargs.filter(([name]) => !plan || name !== 'test'), ...test],
    typed: { args: mods === '' ? [] : [mods], kwargs: typed.kwargs },
    ...(await readJobFlags(options)),
  };
}

function isKeyword(word: string): boolean {
  return /^[A-Za-z_]\w*:?=/.test(word);
}
