/** How a scalar was written; only plain ones are guessed to be numbers, booleans and the like. */
type ScalarStyle = 'plain' | 'single' | 'double' | 'literal' | 'folded';

interface Span {
  /** Offset of the first UTF-16 unit. */
  readonly start: number;
  /** Offset behind the last one. */
  readonly end: number;
}

/** Tokens that carry nothing but their place. */
export type MarkTokenType =
  | 'document-start'
  | 'document-end'
  | 'stream-end'
  | 'block-sequence-start'
  | 'block-mapping-start'
  | 'block-end'
  | 'flow-sequence-start'
  | 'flow-sequence-end'
  | 'flow-mapping-start'
  | 'flow-mapping-end'
  | 'block-entry'
  | 'flow-entry'
  | 'key'
  | 'value';

/** What the scanner hands to the composer. */
export type Token = Span &
  (
    | { readonly type: MarkTokenType }
    | { readonly type: 'version'; readonly major: number; readonly minor: number }
    | { readonly type: 'tag-directive'; readonly handle: string; readonly prefix: string }
    | { readonly type: 'alias' | 'anchor'; readonly name: string }
    | { readonly type: 'tag'; readonly handle: string; readonly suffix: string }
    | { readonly type: 'scalar'; readonly value: string; readonly style: ScalarStyle }
  );

/** Text that is not YAML: what is wrong and where; `context` is what was being read, when that began elsewhere. */
export class YamlSyntaxError extends Error {
  readonly offset: number;
  readonly context: { readonly what: string; readonly offset: number } | undefined;

  constructor(problem: string, offset: number, context?: { readonly what: string; readonly offset: number }) {
    super(problem);
    this.name = 'YamlSyntaxError';
    this.offset = offset;
    this.context = context;
  }
}
