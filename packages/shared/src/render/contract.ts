import type { Compiled, SourceRange } from '../kernel/index.ts';
import type { PyMap, Value } from '../values/index.ts';

/** What `salt['x.y'](…)` reaches. A call may answer at once or later; the template waits either way. */
export interface TemplateCalls {
  /** False makes `salt['x.y']` an undefined name with a suggestion, as a misspelt one should be. */
  has(name: string): boolean;
  /** Names for suggestions. */
  names(): Iterable<string>;
  /** `place`: where in the author's text the call stands, where that is known. */
  call(
    name: string,
    args: readonly Value[],
    kwargs: ReadonlyMap<string, Value>,
    place?: SourceRange,
  ): Value | Promise<Value>;
}

/** Finds the text of an included or imported template. */
export interface TemplateLoader {
  /**
   * `name` is `salt://…`-relative (`web/map.jinja`); names beginning with `./` or `../` were already resolved.
   * Undefined: no such template. `path` is how diagnostics name it.
   */
  load(name: string): Promise<{ readonly text: string; readonly path: string } | undefined>;
  /** The template whose name is nearest to one that does not exist, where the loader knows. */
  near?(name: string): Promise<string | undefined>;
}

/** Bounds of one render; exceeding one is a diagnostic, never a hang. */
export interface RenderLimits {
  /** Wall-clock milliseconds, calls included. Default 300,000. */
  readonly deadlineMs?: number;
  /** Loop passes over the whole render. Default 1,000,000. */
  readonly maxIterations?: number;
}

/** Jinja environment options of Salt (`jinja_sls_env`); Jinja's defaults where absent. */
export interface JinjaOptions {
  readonly trimBlocks?: boolean;
  readonly lstripBlocks?: boolean;
  readonly lineStatementPrefix?: string;
  readonly lineCommentPrefix?: string;
  /** Missing names print nothing instead of being errors (Salt's `allow_undefined`). */
  readonly allowUndefined?: boolean;
}

/** Decrypts the values of loaded data, for `#!yaml|gpg`: `names` are the renderers that follow the loader. */
export type DecryptData = (names: readonly string[], data: RenderedData) => Promise<Compiled<RenderedData>>;

/** Everything one render needs; nothing is shared between renders. */
export interface RenderRequest {
  /** The text to render. */
  readonly text: string;
  /** How diagnostics name it: path relative to its root, `web/init.sls`. */
  readonly path: string;
  /** Dotted SLS name when it is one; sets `sls`, `slspath`, `slsdotpath`, `tplpath`, … */
  readonly sls?: string;
  readonly saltenv: string;
  readonly pillarenv?: string | null;
  readonly grains: PyMap;
  readonly pillar: PyMap;
  readonly opts: PyMap;
  /** Further names of the template: `data` and `tag` in a reactor, `context`/`defaults` of file.managed, … */
  readonly variables?: ReadonlyMap<string, Value>;
  /** Names whose values come only after rendering: what is printed of them is a mark (`splitMarks`). */
  readonly later?: readonly string[];
  readonly calls: TemplateCalls;
  readonly loader: TemplateLoader;
  /** Pillars only; elsewhere a file that is to be decrypted is an error. */
  readonly decrypt?: DecryptData;
  readonly jinja?: JinjaOptions;
  readonly limits?: RenderLimits;
  readonly signal?: AbortSignal;
}

/** Text with the template line each of its lines came from. */
export interface RenderedText {
  readonly text: string;
  /** The author's place of a rendered line (1-based), where known. */
  origin(line: number): SourceRange | undefined;
}

/** Loaded data with the author's places of its parts. */
export interface RenderedData {
  readonly value: Value;
  /** Place of a mapping's key, or of a list's item by index; undefined when not known. */
  placeOf(container: Value, key: Value): SourceRange | undefined;
}

/** Renders Jinja only (file.managed templates). */
export type RenderText = (request: RenderRequest) => Promise<Compiled<RenderedText>>;
/** Runs the whole pipeline of the shebang line (`#!jinja|yaml` where absent) and loads the data. */
export type RenderData = (request: RenderRequest) => Promise<Compiled<RenderedData>>;
