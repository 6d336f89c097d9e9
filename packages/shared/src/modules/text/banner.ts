/** How a banner is drawn. */
export interface Banner {
  readonly width: number;
  readonly commentchar: string;
  readonly borderchar: string;
  readonly blockstart?: string | undefined;
  readonly blockend?: string | undefined;
  readonly title: string;
  readonly text: string;
  readonly newline: boolean;
}

/** A comment block with a border, a centred title and a text below it (Salt 3006 modules/slsutil.py, banner). */
export function bannerText({ width, commentchar, borderchar, newline, ...block }: Banner): string {
  const left = commentchar.trimEnd();
  const right = commentchar.trim();
  const inner = Math.max(1, width - left.length - right.length - 2);
  const row = (line: string): string => `${left} ${line.padEnd(inner)} ${right}`;
  const border = commentchar + borderchar.slice(0, 1).repeat(Math.max(0, width - left.length - right.length)) + right;
  const spacer = commentchar + ' '.repeat(Math.max(0, width - commentchar.length * 2)) + commentchar;
  const lines = [
    ...(block.blockstart === undefined ? [] : [block.blockstart]),
    border,
    spacer,
    ...wrapped(block.title, inner).map((line) => row(centred(line, inner))),
    spacer,
    ...wrapped(block.text, inner).map(row),
    border,
    ...(block.blockend === undefined ? [] : [block.blockend]),
  ];
  return lines.join('\n') + (newline ? '\n' : '');
}

/** Lines of whole words; a word that is too long is cut. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    while (line.length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** As Python's `str.center`: of an odd space the left half is the greater where the width is odd. */
function centred(text: string, width: number): string {
  const space = Math.max(0, width - text.length);
  const left = Math.floor(space / 2) + (space & width & 1);
  return ' '.repeat(left) + text + ' '.repeat(space - left);
}
