import type { Sink } from '../io.ts';

/** Lines at the bottom of a terminal that are drawn over and over. */
export interface LiveRegion {
  draw(lines: readonly string[]): void;
  clear(): void;
}

/** A live region on `sink`; lines must fit its width, or the cursor would lose its place. */
export function createLiveRegion(sink: Sink): LiveRegion {
  let height = 0;
  let shown = '';
  const erase = (): string => (height === 0 ? '' : `\u001b[${height}A\u001b[0J`);
  return {
    draw(lines) {
      const text = lines.map((line) => `${line}\n`).join('');
      if (text === shown) return;
      sink.write(erase() + text);
      height = lines.length;
      shown = text;
    },
    clear() {
      sink.write(erase());
      height = 0;
      shown = '';
    },
  };
}
