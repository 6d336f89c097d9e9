import type { OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode, FAILURE_CHOICES, type FailureChoice } from '@edge-run/shared/protocol/plain';
import { Argument, type Command } from 'commander';
import { collect } from '../flags.ts';
import { emit, emitList } from '../output/emit.ts';
import { movedTexts } from '../output/run-moved.ts';
import { renderPreview } from '../output/run-preview.ts';
import { formatWhen } from '../output/times.ts';
import { readRun } from '../progress/follow-run.ts';
import { confirm, type Session } from '../session.ts';
import { PLAN_WITHIN_MS, readPillar } from './read-run-request.ts';
import { type Options, type Register, textOption, type Argument as Words, wordAt, wordsAt } from './registry.ts';
import { watchRun } from './start-run.ts';

/** `orch pause|resume|retry|abort|rollback|answer|locks`: what people want of runs. */
export function addOrchControl(orch: Command, register: Register): void {
  register(
    orch
      .command('pause <run>')
      .summary('start no further step of a run; what runs goes on to its end')
      .option('--reason <text>', 'why, for those who look'),
    pauseRun,
  );
  register(
    orch
      .command('resume <run>')
      .summary('let a paused run go on, or take up one that nobody drives')
      .option('--dry-run', 'say what becomes of each step, and what has moved; do nothing'),
    resumeRun,
  );
  register(
    orch
      .command('retry <run> [args...]')
      .summary('run what an ended run has not done; with --with-current also pillar=')
      .option('--from <step>', 'begin again with this step, whatever it and later ones did')
      .option('--skip <step>', 'a step that counts as done; may be given several times', collect, [])
      .option('--only-failed', 'do failed steps only on the hosts where they failed')
      .option('--with-current', "plan anew from today's files and pillar, not as it was stored")
      .option('--dry-run', 'say what becomes of each step, and what has moved; do nothing'),
    retryRun,
  );
  register(
    orch
      .command('abort <run>')
      .alias('cancel')
      .summary('end a run; what has been done stays done')
      .option('--rollback', 'undo what was done'),
    abortRun,
  );
  register(orch.command('rollback <run>').summary('undo what a run did'), rollbackRun);
  register(
    orch
      .command('answer <run>')
      .summary('say what becomes of a failed step the run asks about')
      .addArgument(new Argument('<choice>', 'what to do').choices([...FAILURE_CHOICES]))
      .option('--step <step>', 'which step, where several ask'),
    answerRun,
  );
  register(orch.command('locks').summary('who holds locks, and who waits for them'), listLocks);
}

/** `approve` and `reject`: a run that waits for approval, or a step of it. */
export function addApprovalCommands(program: Command, register: Register): void {
  for (const verb of ['approve', 'reject'] as const) {
    register(
      program
        .command(`${verb} <run>`)
        .summary(verb === 'approve' ? 'agree to a run that waits for approval' : 'refuse a run that waits for approval')
        .option('--step <step>', 'a step that asks, instead of the whole plan')
        .option('--comment <text>', 'kept in the journal'),
      async (session, words, options) => {
        const client = await session.master();
        const { run } = await client.ask(`orch.${verb}`, {
          run: wordAt(words, 0),
          ...textOption(options, 'step'),
          ...textOption(options, 'comment'),
        });
        return said(session, run, `${verb === 'approve' ? 'approved' : 'rejected'} run ${run}`);
      },
    );
  }
}

async function pauseRun(session: Session, words: readonly Words[], options: Options): Promise<ExitCode> {
  const client = await session.master();
  const { run } = await client.ask('orch.pause', { run: wordAt(words, 0), ...textOption(options, 'reason') });
  return said(session, run, `run ${run} starts no further step; go on: edge-run orch resume ${run}`);
}

async function resumeRun(session: Session, words: readonly Words[], options: Options): Promise<ExitCode> {
  const request = { run: wordAt(words, 0) };
  if (options.dryRun === true) return previewRun(session, { ...request, action: 'resume' });
  const { run } = await (await session.master()).ask('orch.resume', request);
  return followed(session, run);
}

async function retryRun(session: Session, words: readonly Words[], options: Options): Promise<ExitCode> {
  const skip = options.skip as readonly string[];
  const request = {
    run: wordAt(words, 0),
    ...textOption(options, 'from'),
    ...(skip.length === 0 ? {} : { skip: [...skip] }),
    ...(options.onlyFailed === true ? { onlyFailed: true } : {}),
    ...(options.withCurrent === true ? { current: true } : {}),
    ...(await readPillar(wordsAt(words, 1), session.literalWords)),
  };
  if (options.dryRun === true) return previewRun(session, { ...request, action: 'retry' });
  const { run } = await (await session.master()).ask('orch.retry', request);
  return followed(session, run);
}

async function previewRun(session: Session, request: OperationArgs<'orch.preview'>): Promise<ExitCode> {
  const timeoutMs = session.flags.timeoutMs ?? PLAN_WITHIN_MS;
  const preview = await (await session.master()).ask('orch.preview', request, { timeoutMs });
  await emit(session, preview, () => renderPreview(preview, request.action));
  return EXIT.done;
}

async function abortRun(session: Session, words: readonly Words[], options: Options): Promise<ExitCode> {
  const view = await readRun(session, wordAt(words, 0));
  const client = await session.master();
  const what = options.rollback === true ? 'End and undo' : 'Cancel';
  await confirm(session, `${what} run ${view.run} of ${view.name} (context ${client.context.name})?`);
  const rollback = options.rollback === true ? { rollback: true } : {};
  const { run, cancelling } = await client.ask('orch.abort', { run: view.run, ...rollback });
  return said(
    session,
    run,
    cancelling ? `asked to cancel; follow it: edge-run orch status ${run} --watch` : `run ${run} had ended before`,
  );
}

async function rollbackRun(session: Session, words: readonly Words[]): Promise<ExitCode> {
  const view = await readRun(session, wordAt(words, 0));
  const client = await session.master();
  await confirm(session, `Undo run ${view.run} of ${view.name} (context ${client.context.name})?`);
  const { run } = await client.ask('orch.rollback', { run: view.run });
  return followed(session, run);
}

async function answerRun(session: Session, words: readonly Words[], options: Options): Promise<ExitCode> {
  const choice = wordAt(words, 1) as FailureChoice;
  const client = await session.master();
  const { run } = await client.ask('orch.answer', { run: wordAt(words, 0), choice, ...textOption(options, 'step') });
  return said(session, run, `told run ${run} to ${choice}; follow it: edge-run orch status ${run} --watch`);
}

async function listLocks(session: Session): Promise<ExitCode> {
  const { locks } = await (await session.master()).ask('orch.locks', {});
  const view = { now: session.io.clock.now(), relative: session.io.stdout.isTty };
  await emitList(session, {
    rows: locks,
    columns: [
      { name: 'locks', value: (row) => row.locks.join(', ') },
      { name: 'state', value: ({ position }) => (position === 0 ? 'held' : `waits, ${position} before it`) },
      { name: 'run', value: (row) => row.run },
      { name: 'name', value: (row) => row.name },
      { name: 'by', value: (row) => row.by },
      { name: 'since', value: (row) => formatWhen(row.since, view) },
    ],
    nameOf: (row) => row.run,
    none: 'no locks are held',
  });
  return EXIT.done;
}

async function followed(session: Session, run: string): Promise<ExitCode> {
  if (session.flags.wait) return watchRun(session, run);
  const view = await readRun(session, run);
  for (const text of movedTexts(view, view.moved)) session.note(text);
  return said(session, run, `follow it: edge-run orch status ${run} --watch`);
}

async function said(session: Session, run: string, note: string): Promise<ExitCode> {
  await emit(session, { run }, () => `${run}\n`);
  session.note(note);
  return EXIT.done;
}
