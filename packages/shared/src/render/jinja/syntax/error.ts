import type { Position } from './position.ts';

/** A problem in the text of a template, found before it runs. */
export class SyntaxFault extends Error {
  readonly position: Position;
  /** `assertion` is Jinja's TemplateAssertionError: well-formed, but it cannot mean anything. */
  readonly kind: 'syntax' | 'assertion';
  readonly hint: string;

  constructor(message: string, position: Position, kind: 'syntax' | 'assertion' = 'syntax', hint = '') {
    super(message);
    this.position = position;
    this.kind = kind;
    this.hint = hint;
  }
}
