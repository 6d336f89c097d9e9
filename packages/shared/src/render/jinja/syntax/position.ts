/** A place in a template's text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const COLUMN_BITS = 4096;

/** Packs a place into one number, as generated code carries it. Columns beyond 4,095 are cut there. */
export function packPosition(line: number, column: number): number {
  return line * COLUMN_BITS + Math.min(column, COLUMN_BITS - 1);
}

/** The place a packed number stands for. */
export function unpackPosition(packed: number): Position {
  return { line: Math.floor(packed / COLUMN_BITS), column: packed % COLUMN_BITS };
}
