import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { RunJournalEvent, RunSummary } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { diffRuns, foldRun, isWaiting, unknownRun } from '@edge-run/shared/view';
import { type Command, Option } from 'commander';
import { isMachineFormat, parseCount, readSince } from '../flags.ts';
import { emit, emitData, emitList, STREAM_VERSION } from '../output/emit.ts';
import { changeText } from '../output/run-changes.ts';
import { renderRunDiff } from '../output/run-diff.ts';
import { GRAPH_FORMATS, type GraphFormat, renderGraph } from '../output/run-graph.ts';
import { addSelection, selectRows } from '../output/select-rows.ts';
import { renderStepDetails, stepDetails } from '../output/step-detail.ts';
import { sanitize } from '../output/style.ts';
import type { Column } from '../output/table.ts';
import { formatInstant, formatWhen } from '../output/times.ts';
import { formatInline } from '../output/values.ts';
import { readRun, showFamily } from '../progress/follow-run.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';
import { followJournal } from './follow-journal.ts';
import { type Argument, type Options, type Register, textOption, wordAt, wordsAt } from './registry.ts';
import { printRun, watchRun } from './start-run.ts';

/** `orch ls|show|status|logs|graph|diff`: looking, without touching anything. */
export function addOrchViews(orch: Command, register: Register): void {
  register(
    addSelection(
      orch
        .command('ls')
        .summary('list runs with what they wait for')
        .option('--state <states>', 'only these, such as running,queued,asking,orphaned,failed')
        .option('--since <when>', 'only since: 15m, 2d, today, a date')
        .option('--limit <count>', 'at most so many', parseCount),
    ),
    listRuns,
  );
  register(
    orch
      .command('show <run>')
      .summary('show a run as it is now, or one of its steps with all that is known of it')
      .option('--step <id>', 'only this step')
      .option('--target <host>', 'only what has to do with this host'),
    showOne,
  );
  register(
    orch
      .command('status [run]')
      .summary('show a run, the last one by default')
      .option('--watch', 'follow it to its end'),
    showStatus,
  );
  register(
    orch
      .command('graph <name|run> [args...]')
      .summary('print the steps of an orchestration or a run in their order, and what needs what')
      .addOption(new Option('--format <format>', 'how it is drawn').choices(GRAPH_FORMATS).default('text'))
      .addHelpText('after', '\nExample:  edge-run orch graph deploy-environment pillarenv=prod --format mermaid'),
    showGraph,
  );
  register(
    orch
      .command('logs <run>')
      .summary('print the journal of a run')
      .option('-f, --follow', 'go on with what comes, progress too, until it ends'),
    printJournal,
  );
  register(
    orch
      .command('diff <run> <other>')
      .summary('print what differs between two runs: inputs, plan, outcomes, durations'),
    diffTwo,
  );
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
      paint: ({ state }, style) => {
        if (state === 'succeeded') return style.green;
        if (isWaiting(state)) return style.yellow;
        return state === 'running' ? style.cyan : style.red;
      },
    },
    { name: 'steps', value: ({ steps }) => `${steps.ended}/${steps.total}`, align: 'right' },
    { name: 'failed', value: ({ steps }) => String(steps.failed), align: 'right', wide: true },
    { name: 'step', value: (row) => row.current.join(', ') || '-' },
    { name: 'started', value: (row) => formatWhen(row.startedAt, view), sortBy: (row) => row.startedAt },
    { name: 'by', value: (row) => row.by },
    { name: 'master', value: (row) => row.master ?? '-', wide: true },
    { name: 'waits', value: (row) => row.waitsFor ?? '-' },
  ];
}

/** Enough for a filter to choose from. */
const FILTERED_FROM = 1_000;

async function listRuns(session: Session, _: unknown, options: Options): Promise<ExitCode> {
  const { since, limit, state } = options;
  const isFiltered = options.filter !== undefined || options.sort !== undefined;
  const client = await session.master();
  const { runs } = await client.ask('orch.ls', {
    ...(typeof since === 'string' ? { since: readSince(since, session.io.clock.now()) } : {}),
    ...(isFiltered ? { limit: FILTERED_FROM } : typeof limit === 'number' ? { limit } : {}),
    ...(typeof state === 'string' ? { states: state.split(',') as RunSummary['state'][] } : {}),
  });
  const all = columns(session);
  const rows = selectRows(runs, all, options).slice(0, typeof limit === 'number' ? limit : undefined);
  const isAnyWaiting = rows.some(({ waitsFor }) => waitsFor !== undefined);
  await emitList(session, {
    rows,
    columns: all.map((column) => (column.name === 'waits' && !isAnyWaiting ? { ...column, wide: true } : column)),
    nameOf: (row) => row.run,
    none: 'no runs; start one: edge-run orch NAME',
  });
  return EXIT.done;
}

async function showOne(session: Session, words: readonly Argument[], options: Options): Promise<ExitCode> {
  const only = { ...textOption(options, 'step'), ...textOption(options, 'target') };
  if (only.step === undefined && only.target === undefined) {
    await printRun(session, await showFamily(session, wordAt(words, 0)));
    return EXIT.done;
  }
  const { run, events } = await (await session.master()).ask('orch.show', { run: wordAt(words, 0) });
  const view = events.reduce(foldRun, unknownRun(run));
  const details = stepDetails(view, events, only);
  if (details.length === 0) throw nothingToShow(run, view.steps, only);
  const { io, style } = session;
  await emit(session, details as unknown as JsonValue, () => renderStepDetails(details, io.clock.now(), style));
  return EXIT.done;
}

function nothingToShow(
  run: string,
  steps: readonly { readonly id: string; readonly hosts: object }[],
  { step, target }: { readonly step?: string; readonly target?: string },
): EdgeError {
  const ids = steps.map(({ id }) => id);
  const hosts = [...new Set(steps.flatMap((one) => Object.keys(one.hosts)))];
  const what = [step === undefined ? '' : `step \`${step}\``, target === undefined ? '' : `target \`${target}\``];
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `run ${run} has nothing for ${what.filter((part) => part !== '').join(' and ')}`,
    { run, steps: ids, hosts },
    { hint: `Its steps: ${ids.join(', ')}${hosts.length === 0 ? '' : `; its hosts: ${hosts.join(', ')}`}.` },
  );
}

async function showStatus(session: Session, words: readonly unknown[], options: Options): Promise<ExitCode> {
  const wanted = typeof words[0] === 'string' ? words[0] : '@last';
  const view = await readRun(session, wanted);
  if (options.watch === true && view.endedAt === undefined) return watchRun(session, view.run);
  await printRun(session, await showFamily(session, view.run));
  return options.watch === true ? ((view.exitCode ?? EXIT.failed) as ExitCode) : EXIT.done;
}

/** Rendering calls hosts. */
const GRAPH_WITHIN_MS = 600_000;

async function showGraph(session: Session, words: readonly Argument[], options: Options): Promise<ExitCode> {
  const of = wordAt(words, 0);
  const { kwargs, typed } = await encodeWords(wordsAt(words, 1));
  const given = new Map<string, JsonValue>(kwargs);
  const unknown = [...typed.args, ...given.keys()].find(
    (word) => word === null || !['saltenv', 'pillarenv', 'pillar'].includes(word),
  );
  if (unknown !== undefined) {
    throw new EdgeError(
      'EDGE_UNKNOWN_ARGUMENT',
      `orch graph does not take \`${unknown}\``,
      {},
      { hint: `Write: edge-run orch graph ${of} saltenv=… pillarenv=… pillar=…` },
    );
  }
  const pillar = given.get('pillar');
  const graph = await (await session.master()).ask(
    'orch.graph',
    {
      of,
      ...textOption(typed.kwargs, 'saltenv'),
      ...textOption(typed.kwargs, 'pillarenv'),
      ...(pillar === undefined ? {} : { pillar }),
    },
    { timeoutMs: session.flags.timeoutMs ?? GRAPH_WITHIN_MS },
  );
  await emit(session, graph as unknown as JsonValue, () =>
    renderGraph(graph, options.format as GraphFormat, session.style),
  );
  return EXIT.done;
}

async function printJournal(session: Session, words: readonly Argument[], options: Options): Promise<ExitCode> {
  const { io, flags } = session;
  if (options.follow === true) return followJournal(session, wordAt(words, 0));
  const { run, events } = await (await session.master()).ask('orch.show', { run: wordAt(words, 0) });
  if (flags.out === 'jsonl') {
    for (const line of [STREAM_VERSION, ...events]) io.stdout.write(`${JSON.stringify(line)}\n`);
  } else if (isMachineFormat(flags.out)) await emitData(session, events);
  else writeJournal(session, run, events);
  return EXIT.done;
}

function writeJournal({ io }: Session, run: string, events: readonly RunJournalEvent[]): void {
  let view = unknownRun(run);
  for (const event of events) {
    view = foldRun(view, event);
    io.stdout.write(`${formatInstant(event.at)} ${sanitize(changeText(view, event))}\n`);
  }
}

async function diffTwo(session: Session, words: readonly Argument[]): Promise<ExitCode> {
  const client = await session.master();
  const [a, b] = await Promise.all(
    [wordAt(words, 0), wordAt(words, 1)].map(async (wanted) => {
      const view = await readRun(session, wanted);
      // Told by newer masters only; without it other arguments do not show.
      const graph = await client.ask('orch.graph', { of: view.run }).catch(() => undefined);
      const digests = Object.fromEntries((graph?.steps ?? []).map(({ key, digest }) => [key, digest]));
      return { view, digests };
    }),
  );
  const diff = diffRuns(a!, b!);
  await emit(session, { a: a!.view.run, b: b!.view.run, ...diff } as unknown as JsonValue, () =>
    renderRunDiff(a!.view, b!.view, diff, session.style),
  );
  return EXIT.done;
}
