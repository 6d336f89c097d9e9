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
      const start = starts[line - 1];
      return start === undefined ? undefined : place(piece, finalText, start);
    },
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function place({ marks }: Piece, text: string, offset: number): SourceRange | undefined {
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
  const passed = began >= offset ? 0 : text.slice(began, offset).split('\n').length - 1;
  const line = first + Math.min(passed, feeds);
  const shown = template.lines[line - 1];
  return { file: template.path, line, ...(shown === undefined ? {} : { text: shown }) };
}
