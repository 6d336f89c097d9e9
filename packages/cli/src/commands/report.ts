import type { OperationAnswer } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { emitList } from '../output/emit.ts';
import { addSelection, selectRows } from '../output/select-rows.ts';
import type { Column } from '../output/table.ts';
import { formatDuration } from '../output/times.ts';
import type { Session } from '../session.ts';
import { type Argument, type Options, type Register, wordAt } from './registry.ts';

/** `report durations [NAME]`. */
export function addReportCommands(program: Command, register: Register): void {
  const report = program.command('report').summary('what earlier runs tell');
  register(
    addSelection(
      report
        .command('durations [name]')
        .summary('how long orchestrations and their steps took: median and 90th percentile'),
    ),
    showDurations,
  );
}

type Durations = OperationAnswer<'orch.durations'>['orchestrations'][number];

/** One line of the report: a whole run where `step` is `-`. */
interface DurationRow {
  readonly name: string;
  readonly step: string;
  readonly n: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
}

const COLUMNS: readonly Column<DurationRow>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'step', value: (row) => row.step },
  { name: 'n', value: (row) => String(row.n), align: 'right', sortBy: (row) => row.n },
  { name: 'p50', value: (row) => formatDuration(row.p50Ms), align: 'right', sortBy: (row) => row.p50Ms },
  { name: 'p90', value: (row) => formatDuration(row.p90Ms), align: 'right', sortBy: (row) => row.p90Ms },
];

async function showDurations(session: Session, words: readonly Argument[], options: Options): Promise<ExitCode> {
  const name = wordAt(words, 0);
  const client = await session.master();
  const { orchestrations } = await client.ask('orch.durations', name === '' ? {} : { name });
  await emitList(session, {
    rows: selectRows(orchestrations.flatMap(rowsOf), COLUMNS, options),
    columns: COLUMNS,
    nameOf: (row) => (row.step === '-' ? row.name : `${row.name} ${row.step}`),
    json: (row) => ({ ...row, step: row.step === '-' ? null : row.step }),
    none: `no run${name === '' ? '' : ` of ${name}`} has succeeded yet; start one: edge-run orch ${name === '' ? 'NAME' : name}`,
  });
  return EXIT.done;
}

function rowsOf({ name, run, steps }: Durations): DurationRow[] {
  return [
    ...(run === undefined ? [] : [{ name, step: '-', ...run }]),
    ...steps.map(({ id, ...stats }) => ({ name, step: id, ...stats })),
  ];
}
