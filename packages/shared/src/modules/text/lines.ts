/** The lines of a text with their ends kept: joining them gives the text back. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The lines of a text without their ends, as Python's `splitlines`. */
export function bareLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The line end a text uses; a newline where it has none. */
export function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** The text with a final line end, unless it is empty. */
export function endedText(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}${lineEnd(text)}`;
}
