import { escapeText } from './runtime/escape.ts';
import { Markup } from './runtime/types.ts';

const WORDS =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat'.split(
    ' ',
  );
const MAX_PARAGRAPHS = 1000;

/** Filler text: `n` paragraphs of `min` to `max` words. */
export function lipsum(n: number, html: boolean, min: number, max: number): string | Markup {
  const paragraphs = Array.from({ length: Math.min(n, MAX_PARAGRAPHS) }, (_, at) =>
    paragraph(at, Math.min(min, 10_000), Math.min(max, 10_000)),
  );
  if (!html) return paragraphs.join('\n\n');
  return new Markup(paragraphs.map((text) => `<p>${escapeText(text)}</p>`).join('\n'));
}

function paragraph(seed: number, min: number, max: number): string {
  const count = min + ((seed * 37) % Math.max(1, max - min));
  const words = Array.from({ length: count }, (_, at) => WORDS[(at * 7 + seed * 3) % WORDS.length]!);
  const text = words.join(' ');
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;
}
