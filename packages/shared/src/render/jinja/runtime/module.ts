import { Members } from './types.ts';

/** What `import` gives: the exported names of a template, and its text when printed. */
export class TemplateModule extends Members {
  readonly typeName = 'jinja2.environment.TemplateModule';
  readonly text: string;
  readonly marks: readonly unknown[];
  readonly path: string;
  readonly #exports: ReadonlyMap<string, unknown>;

  constructor(path: string, exports: ReadonlyMap<string, unknown>, text: string, marks: readonly unknown[]) {
    super();
    this.path = path;
    this.text = text;
    this.marks = marks;
    this.#exports = exports;
  }

  attribute(name: string): unknown {
    return this.#exports.get(name);
  }

  override names(): Iterable<string> {
    return this.#exports.keys();
  }

  override print(): string {
    return this.text;
  }
}
