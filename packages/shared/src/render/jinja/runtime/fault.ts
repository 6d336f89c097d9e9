import type { ErrorCode } from '../../../kernel/index.ts';

/** A place in a template a fault passed through. */
export interface Frame {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly text: string | undefined;
}

/** An exception a template raised, named as Python names it. */
export class PyFault extends Error {
  /** Python's class: `TypeError`, `UndefinedError`, … */
  readonly type: string;
  /** What to write instead. */
  hint: string;
  /** Where it came through, innermost first. */
  readonly trail: Frame[] = [];

  constructor(type: string, message: string, hint = '') {
    super(message);
    this.type = type;
    this.hint = hint;
  }
}

/** A bound of the render was exceeded, or it was cancelled. */
export class LimitFault extends PyFault {
  readonly code: ErrorCode;

  constructor(message: string, hint: string, code: ErrorCode = 'EDGE_RENDER_LIMIT') {
    super('RenderLimit', message, hint);
    this.code = code;
  }
}

/** A `TypeError`. */
export function typeError(message: string): PyFault {
  return new PyFault('TypeError', message);
}

/** A `ValueError`. */
export function valueError(message: string): PyFault {
  return new PyFault('ValueError', message);
}
