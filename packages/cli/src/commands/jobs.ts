import type { JobSummary } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { JobView } from '@edge-run/shared/view';
import type { Command } from 'commander';
import { parseCount, readSince } from '../flags.ts';
import { emitList } from '../output/emit.ts';
import type { Column } from '../output/table.ts';
import { formatDuration, formatWhen } from '../output/times.ts';
import { readJob } from '../progress/follow-job.ts';
import { confirm, type Session } from '../session.ts';
import { printJob, watchJob } from './job.ts';
import { type Options, type Register, wordAt } from './registry.ts';

/** `jobs ls|show|watch|kill`. */
export function addJobsCommands(program: Command, register: Register): void {
  const jobs = program.command('jobs').summary('look at jobs');
  register(
    jobs
      .command('ls')
      .summary('list jobs')
      .option('--failed', 'only jobs in which a target failed')
      .option('--since <when>', 'only since: 15m, 2d, today, a date')
      .option('--limit <count>', 'at most so many', parseCount),
    listJobs,
  );
  register(
    jobs
      .command('show <job>')
      .summary('show what the targets answered')
      .option('--only <outcome>', 'only targets with this outcome: failed, unreachable …'),
    async (session, words, options) => {
      await printJob(session, filtered(await readJob(session, wordAt(words, 0)), options.only), false);
      return EXIT.done;
    },
  );
  register(jobs.command('watch <job>').summary('follow a job to its end'), async (session, words) => {
    const { jid } = await readJob(session, wordAt(words, 0));
    return watchJob(session, jid);
  });
  register(jobs.command('kill <job>').summary('stop a job on the targets that still run it'), killJob);
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

async function killJob(session: Session, words: readonly unknown[]): Promise<ExitCode> {
  const { jid, fun, hosts } = await readJob(session, String(words[0]));
  const client = await session.master();
  const count = Object.values(hosts).filter((host) => host.outcome === undefined).length;
  await confirm(session, `Kill job ${jid} (${fun}, ${count} targets without answer, context ${client.context.name})?`);
  const { asked } = await client.ask('jobs.kill', { jid });
  session.note(`asked ${asked.length} target${asked.length === 1 ? '' : 's'}; look: edge-run jobs show ${jid}`);
  return EXIT.done;
}

function filtered(view: JobView, only: unknown): JobView {
  if (typeof only !== 'string') return view;
  const wanted = only.split(',');
  const hosts = Object.entries(view.hosts).filter(([, host]) => wanted.includes(host.outcome ?? 'waiting'));
  return { ...view, hosts: Object.fromEntries(hosts) };
}
