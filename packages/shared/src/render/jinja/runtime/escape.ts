import { str } from './print.ts';
import { Markup } from './types.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};

/** HTML-escapes what is not markup yet. */
export function escapeMarkup(value: unknown): Markup {
  if (value instanceof Markup) return value;
  return new Markup(escapeText(str(value)));
}

/** HTML-escapes a text. */
export function escapeText(text: string): string {
  return text.replace(/[&<>'"]/g, (character) => ENTITIES[character]!);
}
