import { EdgeError } from '../../kernel/index.ts';
import { endedText, lineEnd, splitLines } from './lines.ts';
import { pythonRegex } from './python-regex.ts';

/** What `file.line` does with its one line. */
export interface LineOptions {
  readonly mode: 'ensure' | 'replace' | 'delete' | 'insert';
  readonly content: string;
  /** Expression that finds the line; `content` where undefined. */
  readonly match: string | undefined;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly location: 'start' | 'end' | undefined;
  /** New lines take the white space of their neighbour. */
  readonly indent: boolean;
}

/**
 * `file.line`: the text with one line ensured, replaced, deleted or inserted.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` when anchors are missing, not found or found more than once.
 */
export function editLine(text: string, options: LineOptions): string {
  switch (options.mode) {
    case 'delete':
      return deleteLine(text, options);
    case 'replace':
      return replaceLine(text, options);
    case 'insert':
      return insertLine(text, options);
    case 'ensure':
      return ensureLine(text, options);
  }
}

function deleteLine(text: string, options: LineOptions): string {
  const wanted = matcher(options.match ?? options.content);
  return splitLines(text)
    .filter((line) => !wanted(line))
    .join('');
}

function replaceLine(text: string, options: LineOptions): string {
  const wanted = matcher(options.match ?? options.content);
  return splitLines(text)
    .map((line) => (wanted(line) ? shaped(options, line, line) : line))
    .join('');
}

function insertLine(text: string, options: LineOptions): string {
  const lines = splitLines(text);
  const { before, after, location } = options;
  if (before === undefined && after === undefined) {
    if (location === undefined)
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        'file.line: mode insert needs before, after or location',
        {},
        {
          hint: 'Say where: location: end.',
        },
      );
    const neighbour = (location === 'start' ? lines[0] : lines.at(-1)) ?? '';
    const line = shaped(options, neighbour, `x${lineEnd(text)}`);
    if (lines.some((existing) => existing.trim() === options.content.trim())) return text;
    return location === 'start' ? line + text : endedText(text) + line;
  }
  return placed(lines, options, text);
}

function ensureLine(text: string, options: LineOptions): string {
  const lines = splitLines(text);
  const { before, after } = options;
  if (before === undefined && after === undefined)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'file.line: mode ensure needs before or after',
      {},
      {
        hint: 'Name the neighbouring line: after: ^Host.',
      },
    );
  if (before !== undefined && after !== undefined) {
    // Between the two anchors there is to be exactly this line.
    const from = only(lines, after, 'after');
    const to = only(lines, before, 'before');
    if (to <= from) throw new EdgeError('EDGE_BAD_ARGUMENT', `file.line: ${before} does not stand after ${after}`);
    const inner = lines.slice(from + 1, to);
    if (inner.length === 1 && inner[0]!.trim() === options.content.trim()) return text;
    if (inner.length > 1)
      throw new EdgeError('EDGE_BAD_ARGUMENT', `file.line: more than one line between ${after} and ${before}`);
    return [...lines.slice(0, from + 1), shaped(options, lines[from]!, lines[from]!), ...lines.slice(to)].join('');
  }
  return placed(lines, options, text);
}

/** Puts the line beside its anchor unless it is there already. */
function placed(lines: readonly string[], options: LineOptions, text: string): string {
  const { before, after } = options;
  const at = before === undefined ? only(lines, after!, 'after') : only(lines, before, 'before');
  const index = before === undefined ? at + 1 : at;
  const neighbour = lines[before === undefined ? index : index - 1];
  if (neighbour?.trim() === options.content.trim()) return text;
  const head = lines.slice(0, index).map((line, i) => (i === index - 1 ? endedText(line) : line));
  return [...head, shaped(options, lines[at]!, `x${lineEnd(text)}`), ...lines.slice(index)].join('');
}

function only(lines: readonly string[], pattern: string, name: string): number {
  const wanted = matcher(pattern);
  const found = lines.flatMap((line, index) => (wanted(line) ? [index] : []));
  if (found.length === 1) return found[0]!;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `file.line: ${name}: ${pattern} is on ${found.length} lines, it must be on one`,
    { pattern },
    {
      hint: 'Write an expression that matches exactly one line.',
    },
  );
}

/** True for lines that hold the text or match the expression. */
function matcher(pattern: string): (line: string) => boolean {
  const regex = pythonRegex(pattern);
  return (line) => line.includes(pattern) || line.replace(/\r?\n$/, '').search(regex) !== -1;
}

/** The content as a line: with the indentation of `neighbour` and the line end of `like`. */
function shaped({ content, indent }: LineOptions, neighbour: string, like: string): string {
  const eol = /\r?\n$/.exec(like)?.[0] ?? '';
  const lead = indent ? /^[ \t]*/.exec(neighbour)![0] : '';
  return `${lead}${indent ? content.trimStart() : content}${eol}`;
}
