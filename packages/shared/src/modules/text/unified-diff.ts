import { structuredPatch } from 'diff';

/** Beyond this a diff helps nobody and costs seconds. */
const MAX_DIFF_CHARACTERS = 2_000_000;
const DIFF_TIMEOUT_MS = 2_000;

/** The unified diff of two texts, as Python's difflib prints it; a sentence where the texts are too large to compare. */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return '';
  const patch =
    before.length + after.length > MAX_DIFF_CHARACTERS
      ? undefined
      : structuredPatch('', '', before, after, '', '', { context: 3, timeout: DIFF_TIMEOUT_MS });
  if (patch === undefined)
    return `too large for a diff: ${countLines(before)} lines before, ${countLines(after)} after\n`;
  const hunks = patch.hunks.map((hunk) => {
    const range = (start: number, length: number): string => (length === 1 ? String(start) : `${start},${length}`);
    const head = `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@\n`;
    return (
      head +
      hunk.lines
        .filter((line) => !line.startsWith('\\'))
        .map((line) => `${line}\n`)
        .join('')
    );
  });
  return `--- \n+++ \n${hunks.join('')}`;
}

/** True for content that is no text: it holds a NUL byte or is not UTF-8. */
export function isBinary(content: Uint8Array): boolean {
  if (content.includes(0)) return true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content);
    return false;
  } catch {
    // The decoder throws for invalid sequences: that is the answer, not a failure.
    return true;
  }
}

function countLines(text: string): number {
  return text.split('\n').length;
}
