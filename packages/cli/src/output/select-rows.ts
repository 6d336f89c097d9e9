import { EdgeError } from '@edge-run/shared/kernel';
import type { Command } from 'commander';
import type { Options } from '../commands/registry.ts';
import type { Column } from './table.ts';

/** Adds `--filter` and `--sort`, which every list can take: they work on what its columns show. */
export function addSelection(command: Command): Command {
  return command
    .option(
      '--filter <column=glob>',
      'only rows whose column matches; != for those that do not; may be repeated',
      (word: string, before: string[] | undefined) => [...(before ?? []), word],
    )
    .option('--sort <column>', 'by this column; -COLUMN for the other way round');
}

/** The rows that `--filter` leaves, in the order of `--sort`. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function selectRows<T>(rows: readonly T[], columns: readonly Column<T>[], options: Options): readonly T[] {
  const filters = Array.isArray(options.filter) ? (options.filter as string[]) : [];
  const tests = filters.map((word) => parseFilter(word, columns));
  const kept = rows.filter((row) => tests.every((test) => test(row)));
  const { sort } = options;
  if (typeof sort !== 'string') return kept;
  const isDescending = sort.startsWith('-');
  const column = columnOf(isDescending ? sort.slice(1) : sort, columns, '--sort');
  const sorted = [...kept].sort((a, b) => compare(sortKey(column, a), sortKey(column, b)));
  return isDescending ? sorted.reverse() : sorted;
}

function parseFilter<T>(word: string, columns: readonly Column<T>[]): (row: T) => boolean {
  const match = /^([\w-]+)(!?=)(.*)$/s.exec(word);
  if (match === null) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `--filter ${word} is no filter`,
      { filter: word },
      { hint: "Write a column and what it must match: --filter name='deploy*', --filter state!=succeeded" },
    );
  }
  const [, name, operator, glob] = match;
  const column = columnOf(name!, columns, '--filter');
  const pattern = globPattern(glob!);
  return (row) => pattern.test(column.value(row)) === (operator === '=');
}

function columnOf<T>(name: string, columns: readonly Column<T>[], flag: string): Column<T> {
  const column = columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  const known = columns.map((candidate) => candidate.name);
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${flag}: there is no column \`${name}\``,
    { column: name, known },
    { hint: `Known: ${known.join(', ')}.` },
  );
}

function sortKey<T>(column: Column<T>, row: T): number | string {
  return column.sortBy?.(row) ?? column.value(row);
}

/** Numbers by size, texts as people count: `web2` before `web10`. */
function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

function globPattern(glob: string): RegExp {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 'is');
}
