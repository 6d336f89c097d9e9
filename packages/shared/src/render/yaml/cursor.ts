/** A place in a text that knows its line and column; YAML 1.1 counts NEL, LS and PS as line ends. */
export class Cursor {
  readonly text: string;
  offset: number;
  /** Counts from 0. */
  line = 0;
  /** UTF-16 units from the start of the line. */
  column = 0;

  constructor(text: string, offset = 0) {
    this.text = text;
    this.offset = offset;
  }

  /** The character `ahead` of here; empty at the end of the text. */
  peek(ahead = 0): string {
    return this.text.charAt(this.offset + ahead);
  }

  startsWith(word: string): boolean {
    return this.text.startsWith(word, this.offset);
  }

  /** Goes over `count` units that are no line end. */
  skip(count = 1): void {
    this.offset += count;
    this.column += count;
  }

  /** Takes the units up to `end`, none of which is a line end. */
  takeTo(end: number): string {
    const taken = this.text.slice(this.offset, end);
    this.skip(end - this.offset);
    return taken;
  }

  /** Goes over one line end and gives what it stands for: LS and PS stay themselves, all others are `\n`. */
  takeBreak(): string {
    const first = this.peek();
    this.offset += first === '\r' && this.peek(1) === '\n' ? 2 : 1;
    this.line += 1;
    this.column = 0;
    return first === '\u2028' || first === '\u2029' ? first : '\n';
  }

  /** `---` or `...` alone at the start of a line. */
  atDocumentIndicator(): boolean {
    return this.column === 0 && (this.startsWith('---') || this.startsWith('...')) && isBlankOrEnd(this.peek(3));
  }
}

/** Space or tab. */
export function isBlank(char: string): boolean {
  return char === ' ' || char === '\t';
}

/** A character that ends a line in YAML 1.1. */
export function isBreak(char: string): boolean {
  return char === '\n' || char === '\r' || char === '\u0085' || char === '\u2028' || char === '\u2029';
}

/** The end of a line or of the text. */
export function isBreakOrEnd(char: string): boolean {
  return char === '' || isBreak(char);
}

/** White space of any kind, or the end of the text. */
export function isBlankOrEnd(char: string): boolean {
  return isBlank(char) || isBreakOrEnd(char);
}
