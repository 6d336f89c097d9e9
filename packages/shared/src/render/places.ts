import type { SourceRange } from '../kernel/index.ts';
import { type KeyIdentity, keyIdentity, type Value } from '../values/index.ts';

/** Where an author's line of a rendered line is; undefined when not known. */
export type Origin = (line: number) => SourceRange | undefined;

/** Where a text came from. */
export interface LoadOptions {
  /** How diagnostics name the text. */
  readonly path: string;
  /** The template line of each rendered line. */
  readonly origin?: Origin;
}

/** Offset of the key of each pair, or of each list item, by container. */
export type Places = Map<object, ReadonlyMap<KeyIdentity, number> | readonly number[]>;

/** A place for a diagnostic: where the author looks, and the rendered line when it reads differently. */
export interface DiagnosticPlace {
  readonly source: SourceRange;
  readonly chain?: readonly SourceRange[];
}

/** Turns offsets of a text into lines and columns of the file the author wrote. */
export class TextPlaces {
  readonly #text: string;
  readonly #path: string;
  readonly #origin: Origin | undefined;
  readonly #starts: number[] = [0];
  /** The line that was asked for last: nearly always the next question is about the same. */
  #last: { readonly line: number; readonly text: string } | undefined;

  constructor(text: string, path: string, origin?: Origin) {
    this.#text = text;
    this.#path = path;
    this.#origin = origin;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  /** The line of an offset, counted from 1. */
  lineAt(offset: number): number {
    let low = this.#last === undefined ? 0 : this.#last.line - 1;
    if (this.#starts[low]! > offset) low = 0;
    else if (offset < (this.#starts[low + 1] ?? Number.POSITIVE_INFINITY)) return low + 1;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** Text of a line without its end. */
  lineText(line: number): string {
    if (this.#last?.line === line) return this.#last.text;
    const start = this.#starts[line - 1];
    if (start === undefined) return '';
    let end = this.#starts[line] ?? this.#text.length;
    if (this.#text[end - 1] === '\n') end -= this.#text[end - 2] === '\r' ? 2 : 1;
    const text = this.#text.slice(start, end);
    this.#last = { line, text };
    return text;
  }

  /** Offset of the first unit of a line; the length of the text behind the last one. */
  lineStart(line: number): number {
    return this.#starts[line - 1] ?? this.#text.length;
  }

  get lineCount(): number {
    return this.#starts.length;
  }

  /** Where the key or value that begins at an offset ends, as far as a look at its line tells. */
  wordEnd(offset: number): number {
    const line = this.lineAt(offset);
    const rest = this.lineText(line).slice(offset - this.lineStart(line));
    const [word = ''] = /^(?:(["']).*?\1|[^\s:,[\]{}]+(?::(?=\S)[^\s:,[\]{}]+)*)/.exec(rest) ?? [];
    return offset + word.length;
  }

  /** The place in the text itself. */
  rendered(offset: number, end?: number): SourceRange {
    const line = this.lineAt(offset);
    const text = this.lineText(line);
    const column = Math.min(offset - this.lineStart(line), text.length) + 1;
    const last = end === undefined ? column + 1 : Math.min(end - this.lineStart(line), text.length) + 1;
    return { file: this.#path, line, column, endColumn: Math.max(last, column + 1), text };
  }

  /**
   * The author's place: the template's line where known, with a column when the line reads the same there. A line whose
   * origin nobody knows is named as one of the rendered text.
   */
  authored(offset: number, end?: number): SourceRange {
    const rendered = this.rendered(offset, end);
    if (!this.#origin) return rendered;
    const origin = this.#origin(rendered.line);
    if (!origin) return { ...rendered, file: `${this.#path} (rendered)` };
    return origin.text === rendered.text ? { ...rendered, file: origin.file, line: origin.line } : origin;
  }

  /** The author's place, with the rendered line behind it when the template reads differently. */
  forDiagnostic(offset: number, end?: number): DiagnosticPlace {
    const rendered = this.rendered(offset, end);
    const source = this.authored(offset, end);
    if (source.text === rendered.text) return { source };
    return { source, chain: [this.#markedRendered(rendered)] };
  }

  #markedRendered(place: SourceRange): SourceRange {
    return { ...place, file: `${this.#path} (rendered)`, role: 'rendered' };
  }
}

/** Looks the author's place of a container's part up. */
export function placeFinder(
  known: Places,
  places: TextPlaces,
): (container: Value, key: Value) => SourceRange | undefined {
  return (container, key) => {
    if (typeof container !== 'object' || container === null) return undefined;
    const offsets = known.get(container);
    if (!offsets) return undefined;
    const offset = isList(offsets)
      ? typeof key === 'number'
        ? offsets[key]
        : undefined
      : offsets.get(keyIdentity(key));
    return offset === undefined ? undefined : places.authored(offset, places.wordEnd(offset));
  };
}

function isList(offsets: ReadonlyMap<KeyIdentity, number> | readonly number[]): offsets is readonly number[] {
  return Array.isArray(offsets);
}
