import type { Flags } from '../flags.ts';
import type { Io, Sink } from '../io.ts';

/** Wraps text in a colour, or leaves it. Colour is never the only sign. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const paint =
  (code: number, end: number) =>
  (text: string): string =>
    text === '' ? '' : `\u001b[${code}m${text}\u001b[${end}m`;
const leave = (text: string): string => text;

/** No colours. */
export const plainStyle: Style = { bold: leave, dim: leave, red: leave, green: leave, yellow: leave, cyan: leave };

const ansiStyle: Style = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
  cyan: paint(36, 39),
};

/** The style for one stream: flags first, then `NO_COLOR`, `FORCE_COLOR`/`CLICOLOR_FORCE`, then whether it is a terminal. */
export function styleFor(sink: Sink, color: Flags['color'], env: Io['env']): Style {
  if (color === 'always') return ansiStyle;
  if (color === 'never' || env.NO_COLOR) return plainStyle;
  if (isSet(env.FORCE_COLOR) || isSet(env.CLICOLOR_FORCE)) return ansiStyle;
  return sink.isTty && env.TERM !== 'dumb' ? ansiStyle : plainStyle;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}

/** Columns `text` takes, escape sequences not counted. */
export function visibleWidth(text: string): number {
  let width = 0;
  for (const character of stripAnsi(text)) width += isWide(character.codePointAt(0)!) ? 2 : 1;
  return width;
}

/** Cuts plain text to `width` columns, the last one `…` when something was lost. */
export function truncate(text: string, width: number): string {
  if (visibleWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const own = isWide(character.codePointAt(0)!) ? 2 : 1;
    if (used + own > width - 1) break;
    kept += character;
    used += own;
  }
  return width > 0 ? `${kept}…` : '';
}

/** Fills up with spaces to `width` columns. */
export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleWidth(text)));
}

/** What a host sent must not move our cursor: control characters other than tab and newline become visible. */
export function sanitize(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) =>
    character === '\r' ? '' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function stripAnsi(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff)
  );
}
