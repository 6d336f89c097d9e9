import { EdgeError } from '@edge-run/shared/kernel';
import type { JobSummary } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { type JobView, type TargetOutcome, viewJob } from '@edge-run/shared/view';
import type { Command } from 'commander';
import { parseCount, readSince } from '../flags.ts';
import { emit, emitList } from '../output/emit.ts';
import type { Column } from '../output/table.ts';
import { formatDuration, formatWhen } from '../output/times.ts';
import { readJob } from '../progress/follow-job.ts';
import { confirm, type Session } from '../session.ts';
import { followPublished, printJob, watchJob } from './job.ts';
import { type Options, type Register, wordAt } from './registry.ts';

/** `jobs ls|show|watch|kill|rerun|export`. */
export function addJobsCommands(program: Command, register: Register): void {
  const jobs = program.command('jobs').summary('look at jobs, stop and repeat them');
  register(
    jobs
      .command('ls')
      .summary('list jobs')
      .option('--failed', 'only jobs in which a target did not succeed')
      .option('--since <when>', 'only since: 15m, 2d, today, a date')
      .option('--limit <count>', 'at most so many', parseCount),
    listJobs,
  );
  register(
    addOnly(jobs.command('show <job>').summary('show what the targets answered')),
    async (session, words, options) => {
      await printJob(session, onlyHosts(await readJob(session, wordAt(words, 0)), readOnly(options)), false);
      return EXIT.done;
    },
  );
  register(jobs.command('watch <job>').summary('follow a job to its end'), async (session, words) => {
    const { jid } = await readJob(session, wordAt(words, 0));
    return watchJob(session, jid);
  });
  register(
    jobs.command('kill <job>').summary('stop a job on the targets that have not ended, and wait for their ends'),
    killJob,
  );
  register(
    addOnly(jobs.command('rerun <job>'))
      .summary('run a job again on the same targets, or on some of them')
      .addHelpText('after', '\nExample:  edge-run jobs rerun @last --only failed'),
    rerunJob,
  );
  register(
    addOnly(jobs.command('export <job>'))
      .summary('print a job with its returns for other programs: -o json, yaml, jsonl, csv or junit')
      .addHelpText('after', '\nExample:  edge-run jobs export @last -o junit > job.xml'),
    async (session, words, options) => {
      const { exportJob } = await import('../output/job-export.ts');
      const { askForJob } = await import('../progress/ask-for-job.ts');
      const details = await askForJob(await session.master(), wordAt(words, 0));
      await exportJob(session, details, onlyHosts(viewJob(details), readOnly(options)));
      return EXIT.done;
    },
  );
}

function addOnly(command: Command): Command {
  return command.option(
    '--only <outcomes>',
    'only targets that ended so: failed, unreachable … or unsuccessful for all but succeeded',
  );
}

function columns(session: Session): readonly Column<JobSummary>[] {
  const now = session.io.clock.now();
  const view = { now, relative: session.io.stdout.isTty };
  const count = (row: JobSummary, ...outcomes: (keyof JobSummary['counts'])[]): string =>
    String(outcomes.reduce((sum, outcome) => sum + (row.counts[outcome] ?? 0), 0));
  return [
    { name: 'job', value: (row) => row.jid },
    { name: 'function', value: (row) => row.fun },
    { name: 'target', value: (row) => `${row.target} (${row.targets})` },
    { name: 'ok', value: (row) => count(row, 'succeeded'), align: 'right' },
    {
      name: 'fail',
      value: (row) => count(row, 'failed', 'timed-out', 'cancelled'),
      align: 'right',
      paint: (row, style) => (count(row, 'failed', 'timed-out', 'cancelled') === '0' ? style.dim : style.red),
    },
    { name: 'noret', value: (row) => count(row, 'no-return', 'unreachable'), align: 'right' },
    { name: 'by', value: (row) => row.by },
    { name: 'repeats', value: (row) => row.rerunOf ?? '-', wide: true },
    { name: 'started', value: (row) => formatWhen(row.startedAt, view) },
    {
      name: 'took',
      value: (row) => (row.endedAt === undefined ? 'running' : formatDuration(row.endedAt - row.startedAt)),
    },
  ];
}

async function listJobs(session: Session, _: unknown, options: Options): Promise<ExitCode> {
  const { since, limit, failed } = options;
  const { jobs } = await (await session.master()).ask('jobs.ls', {
    ...(typeof since === 'string' ? { since: readSince(since, session.io.clock.now()) } : {}),
    ...(typeof limit === 'number' ? { limit } : {}),
    ...(failed === true ? { failed } : {}),
  });
  await emitList(session, {
    rows: jobs,
    columns: columns(session),
    nameOf: (row) => row.jid,
    none: "no jobs; start one: edge-run '*' test.ping",
  });
  return EXIT.done;
}

/** A job ends definitely well within this time: who does not confirm that it stopped is given up. */
const KILLED_WITHIN_MS = 60_000;

async function killJob(session: Session, words: readonly unknown[]): Promise<ExitCode> {
  const { jid, fun, hosts } = await readJob(session, String(words[0]));
  const client = await session.master();
  const count = Object.values(hosts).filter((host) => host.outcome === undefined).length;
  await confirm(session, `Kill job ${jid} (${fun}, ${count} targets without end, context ${client.context.name})?`);
  const { wait } = session.flags;
  const { asked, outcomes } = await client.ask('jobs.kill', { jid, wait }, { timeoutMs: KILLED_WITHIN_MS });
  const ends = asked.map((id) => `${id} ${outcomes[id] ?? 'asked'}`);
  await emit(session, { jid, asked, outcomes }, () => ends.map((line) => `${line}\n`).join(''));
  session.note(
    asked.length === 0
      ? `job ${jid} had ended before`
      : `${wait ? 'ended' : 'asked'} ${asked.length} target${asked.length === 1 ? '' : 's'}; look: edge-run jobs show ${jid}`,
  );
  return EXIT.done;
}

async function rerunJob(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const only = readOnly(options);
  const client = await session.master();
  const again = await client.ask('jobs.rerun', { jid: wordAt(words, 0), ...(only === undefined ? {} : { only }) });
  return followPublished(session, again, `repeats ${again.rerunOf} on`);
}

const OUTCOMES: readonly TargetOutcome[] = [
  'succeeded',
  'failed',
  'unreachable',
  'no-return',
  'timed-out',
  'cancelled',
];

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no outcome */
function readOnly({ only }: Options): TargetOutcome[] | undefined {
  if (typeof only !== 'string') return undefined;
  return only.split(',').flatMap((word) => {
    if (word === 'unsuccessful') return OUTCOMES.filter((outcome) => outcome !== 'succeeded');
    const outcome = OUTCOMES.find((known) => known === word);
    if (outcome !== undefined) return outcome;
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `--only ${word} is no outcome`,
      { word },
      { hint: `Write one or more of: ${OUTCOMES.join(',')}, or unsuccessful.` },
    );
  });
}

function onlyHosts(view: JobView, only: readonly TargetOutcome[] | undefined): JobView {
  if (only === undefined) return view;
  const hosts = Object.entries(view.hosts).filter(([, { outcome }]) => outcome !== undefined && only.includes(outcome));
  return { ...view, hosts: Object.fromEntries(hosts) };
}
