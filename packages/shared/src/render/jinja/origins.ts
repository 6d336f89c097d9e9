import type { SourceRange } from '../../kernel/index.ts';
import type { RenderedText } from '../contract.ts';
import type { Piece } from './runtime/context.ts';
import type { OriginPiece } from './template.ts';

/** Rendered text whose lines are traced back through the marks generated code left behind. */
export function renderedText(piece: Piece, finalText: string): RenderedText {
  let starts: number[] | undefined;
  return {
    text: finalText,
    origin: (line) => {
      starts ??= lineStarts(finalText);
      return starts[line - 1] === undefined ? undefined : place(piece, starts, line);
    },
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Lines are counted from their starts: a long text that no template changes is one piece. */
function place({ marks }: Piece, starts: readonly number[], rendered: number): SourceRange | undefined {
  const offset = starts[rendered - 1]!;
  let [low, high] = [0, marks.length / 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle * 2] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  if (marks.length === 0) return undefined;
  const mark = Math.max(0, low - 1);
  const began = marks[mark * 2] as number;
  const { template, line: first, feeds } = marks[mark * 2 + 1] as OriginPiece;
  const passed = began >= offset ? 0 : rendered - lineAt(starts, began);
  const line = first + Math.min(passed, feeds);
  const shown = template.lines[line - 1];
  return { file: template.path, line, ...(shown === undefined ? {} : { text: shown }) };
}

/** The line that an offset is in, counted from 1. */
function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}
