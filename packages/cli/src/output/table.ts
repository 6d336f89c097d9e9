import { padTo, type Style, sanitize, truncate, visibleWidth } from './style.ts';

/** One column of a list. */
export interface Column<T> {
  /** Name in `--fields`; its upper case is the heading. */
  readonly name: string;
  readonly value: (row: T) => string;
  /** What `--sort` goes by, where the text would not do. */
  readonly sortBy?: (row: T) => number | string;
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  readonly align?: 'right';
  readonly paint?: (row: T, style: Style) => (text: string) => string;
}

const GAP = '  ';
const NARROWEST = 6;

/** Lays rows out under headings; with `width`, the widest columns give way until a row fits. */
export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: { readonly width: number | undefined; readonly style: Style },
): string {
  const cells = rows.map((row) => columns.map((column) => sanitize(column.value(row)).replaceAll('\n', ' ')));
  const headings = columns.map((column) => column.name.toUpperCase());
  const widths = headings.map((heading, index) =>
    Math.max(visibleWidth(heading), ...cells.map((line) => visibleWidth(line[index]!))),
  );
  if (options.width !== undefined) shrink(widths, options.width);
  const layOut = (texts: readonly string[], paint: (index: number, text: string) => string): string =>
    texts
      .map((text, index) => {
        const short = truncate(text, widths[index]!);
        const space = ' '.repeat(Math.max(0, widths[index]! - visibleWidth(short)));
        const painted = paint(index, short);
        return columns[index]!.align === 'right' ? space + painted : painted + space;
      })
      .join(GAP)
      .trimEnd();
  const lines = cells.map((line, row) =>
    layOut(line, (index, text) => columns[index]!.paint?.(rows[row]!, options.style)(text) ?? text),
  );
  return [layOut(headings, (_, text) => options.style.bold(text)), ...lines].map((line) => `${line}\n`).join('');
}

function shrink(widths: number[], available: number): void {
  const total = (): number => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  while (total() > available) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= NARROWEST) return;
    widths[widest]! -= 1;
  }
}

/** `label  value` lines, the values under each other. */
export function renderPairs(pairs: readonly (readonly [label: string, value: string])[], indent = '  '): string {
  const width = Math.max(0, ...pairs.map(([label]) => visibleWidth(label)));
  return pairs.map(([label, value]) => `${indent}${padTo(label, width)}   ${sanitize(value)}\n`).join('');
}
