import type { RunSummary } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { foldRun, unknownRun } from '@edge-run/shared/view';
import type { Command } from 'commander';
import { isMachineFormat, parseCount, readSince } from '../flags.ts';
import { emitData, emitList, STREAM_VERSION } from '../output/emit.ts';
import type { Column } from '../output/table.ts';
import { formatInstant, formatWhen } from '../output/times.ts';
import { formatInline } from '../output/values.ts';
import { readRun } from '../progress/follow-run.ts';
import { changeText } from '../progress/run-watchers.ts';
import type { Session } from '../session.ts';
import { addOrchControl } from './orch-control.ts';
import { addOrchSimulate } from './orch-simulate.ts';
import { type Options, type Register, wordAt, wordsAt } from './registry.ts';
import { printRun, startOrchestration, watchRun } from './start-run.ts';

/** `orch NAME [k=v…]` and what is done with runs. */
export function addOrchCommands(program: Command, register: Register): void {
  const orch = program.command('orch').summary('run orchestrations and look at their runs');
  orch.addHelpText('after', '\nExample:  edge-run orch deploy-environment pillarenv=prod');
  register(
    orch
      .command('run <name> [args...]', { isDefault: true })
      .summary('start an orchestration and follow it; saltenv=, pillarenv=, pillar=, test=, exclude='),
    (session, words) => startOrchestration(session, [wordAt(words, 0), ...wordsAt(words, 1)]),
  );
  register(
    orch
      .command('ls')
      .summary('list runs')
      .option('--state <states>', 'only these: running, orphaned, succeeded, failed, cancelled, timed-out')
      .option('--since <when>', 'only since: 15m, 2d, today, a date')
      .option('--limit <count>', 'at most so many', parseCount),
    listRuns,
  );
  register(orch.command('show <run>').summary('show a run as it is now'), async (session, words) => {
    await printRun(session, await readRun(session, wordAt(words, 0)));
    return EXIT.done;
  });
  register(
    orch
      .command('status [run]')
      .summary('show a run, the last one by default')
      .option('--watch', 'follow it to its end'),
    showStatus,
  );
  register(orch.command('logs <run>').summary('print the journal of a run'), printJournal);
  addOrchControl(orch, register);
  addOrchSimulate(orch, register);
}

function columns(session: Session): readonly Column<RunSummary>[] {
  const view = { now: session.io.clock.now(), relative: session.io.stdout.isTty };
  return [
    { name: 'run', value: (row) => row.run },
    { name: 'name', value: (row) => row.name },
    { name: 'env', value: (row) => formatInline(row.inputs.pillarenv ?? row.inputs.saltenv ?? '-') },
    {
      name: 'state',
      value: (row) => row.state,
      paint: ({ state }, style) => (state === 'succeeded' ? style.green : state === 'running' ? style.cyan : style.red),
    },
    { name: 'steps', value: ({ steps }) => `${steps.ended}/${steps.total}`, align: 'right' },
    { name: 'failed', value: ({ steps }) => String(steps.failed), align: 'right', wide: true },
    { name: 'step', value: (row) => row.current.join(', ') || '-' },
    { name: 'started', value: (row) => formatWhen(row.startedAt, view) },
    { name: 'by', value: (row) => row.by },
    { name: 'master', value: (row) => row.master ?? '-', wide: true },
  ];
}

async function listRuns(session: Session, _: unknown, options: Options): Promise<ExitCode> {
  const { since, limit, state } = options;
  const client = await session.master();
  const { runs } = await client.ask('orch.ls', {
    ...(typeof since === 'string' ? { since: readSince(since, session.io.clock.now()) } : {}),
    ...(typeof limit === 'number' ? { limit } : {}),
    ...(typeof state === 'string' ? { states: state.split(',') as RunSummary['state'][] } : {}),
  });
  await emitList(session, {
    rows: runs,
    columns: columns(session),
    nameOf: (row) => row.run,
    none: 'no runs yet; start one: edge-run orch NAME',
  });
  return EXIT.done;
}

async function showStatus(session: Session, words: readonly unknown[], options: Options): Promise<ExitCode> {
  const wanted = typeof words[0] === 'string' ? words[0] : '@last';
  const view = await readRun(session, wanted);
  if (options.watch === true && view.endedAt === undefined) return watchRun(session, view.run);
  await printRun(session, view);
  return options.watch === true ? ((view.exitCode ?? EXIT.failed) as ExitCode) : EXIT.done;
}

async function printJournal(session: Session, words: readonly unknown[]): Promise<ExitCode> {
  const { io, flags } = session;
  const { run, events } = await (await session.master()).ask('orch.show', { run: String(words[0]) });
  if (flags.out === 'jsonl') {
    for (const line of [STREAM_VERSION, ...events]) io.stdout.write(`${JSON.stringify(line)}\n`);
  } else if (isMachineFormat(flags.out)) await emitData(session, events);
  else {
    let view = unknownRun(run);
    for (const event of events) {
      view = foldRun(view, event);
      io.stdout.write(`${formatInstant(event.at)} ${changeText(view, event)}\n`);
    }
  }
  return EXIT.done;
}
