import type { ScheduleEntry } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { parseCount } from '../flags.ts';
import { emit, emitList } from '../output/emit.ts';
import type { Column } from '../output/table.ts';
import { formatInstant, formatWhen } from '../output/times.ts';
import type { Session } from '../session.ts';
import { type Options, type Register, wordAt } from './registry.ts';

/** `schedule ls|run|next` and `reactor ls`: what starts by itself. */
export function addScheduleCommands(program: Command, register: Register): void {
  const schedule = program.command('schedule').summary('what starts at its time');
  register(schedule.command('ls').summary('list schedules'), listSchedules);
  register(schedule.command('run <name>').summary('start it now'), runSchedule);
  register(
    schedule
      .command('next <name>')
      .summary('print the next fires')
      .option('--count <number>', 'how many', parseCount, 5),
    nextFires,
  );
  const reactor = program.command('reactor').summary('what starts at an event');
  register(reactor.command('ls').summary('list which tags start which files'), listReactors);
}

async function listSchedules(session: Session): Promise<ExitCode> {
  const { schedules } = await (await session.master()).ask('schedule.ls', {});
  const view = { now: session.io.clock.now(), relative: session.io.stdout.isTty };
  const columns: readonly Column<ScheduleEntry>[] = [
    { name: 'name', value: (row) => row.name },
    { name: 'what', value: (row) => row.what },
    { name: 'when', value: (row) => row.when },
    { name: 'enabled', value: (row) => (row.enabled ? 'yes' : 'no') },
    { name: 'next', value: (row) => formatWhen(row.nextAt, view) },
    { name: 'last', value: (row) => formatWhen(row.lastAt, view) },
  ];
  const none = 'no schedules; write them under `schedule:` in the configuration of the master';
  await emitList(session, { rows: schedules, columns, nameOf: (row) => row.name, none });
  return EXIT.done;
}

async function runSchedule(session: Session, words: Parameters<typeof wordAt>[0]): Promise<ExitCode> {
  const answer = await (await session.master()).ask('schedule.run', { name: wordAt(words, 0) });
  await emit(session, answer, () => `${answer.run ?? answer.jid ?? ''}\n`);
  if (answer.run !== undefined) session.note(`follow it: edge-run orch status ${answer.run} --watch`);
  else if (answer.jid !== undefined) session.note(`follow it: edge-run jobs watch ${answer.jid}`);
  return EXIT.done;
}

async function nextFires(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const count = typeof options.count === 'number' ? options.count : 5;
  const { fires } = await (await session.master()).ask('schedule.next', { name: wordAt(words, 0), count });
  await emit(
    session,
    fires.map((at) => formatInstant(at)),
    () => fires.map((at) => `${formatInstant(at)}\n`).join(''),
  );
  return EXIT.done;
}

async function listReactors(session: Session): Promise<ExitCode> {
  const { reactors } = await (await session.master()).ask('reactor.ls', {});
  await emitList(session, {
    rows: reactors,
    columns: [
      { name: 'tag', value: (row) => row.tag },
      { name: 'files', value: (row) => row.files.join(', ') },
    ],
    nameOf: (row) => row.tag,
    none: 'no reactors; write them under `reactor:` in the configuration of the master',
  });
  return EXIT.done;
}
