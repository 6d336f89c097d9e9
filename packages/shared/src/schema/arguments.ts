import type { z } from 'zod';
import { type Compiled, compiled, type Diagnostic, type ErrorCode, type SourceRange } from '../kernel/index.ts';
import { PyMap, toPlain, type Value } from '../values/index.ts';
import { type Declaration, takesBoolean, takesRawItems, takesRawValue, takesText } from './declaration.ts';
import { didYouMean, nearest } from './suggest.ts';

/** Arguments as a caller gave them. */
export interface CallArguments {
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** The words as typed on a command line, where they were: used where the declaration says text. */
  readonly typed?: { readonly args: readonly (string | undefined)[]; readonly kwargs: ReadonlyMap<string, string> };
  /** The author's place of an argument, where known. */
  readonly placeOf?: (name: string) => SourceRange | undefined;
}

/**
 * Binds positional and keyword arguments to a declaration and validates them. Reports every problem at once: unknown
 * names with a suggestion, missing ones, wrong types. A number where text is declared is taken as its decimal text,
 * with a warning, because YAML 1.1 has already changed `0123456` into 42798.
 */
export function parseArguments<A extends z.ZodObject>(
  declaration: Declaration<A>,
  call: CallArguments,
): Compiled<z.output<A>> {
  const binder = new Binder(declaration, call);
  binder.bindPositional();
  binder.bindKeywords();
  if (binder.diagnostics.some((diagnostic) => diagnostic.severity === 'error'))
    return { value: undefined, diagnostics: binder.diagnostics };
  const result = declaration.args.safeParse(binder.bound);
  if (result.success) return compiled(result.data as z.output<A>, binder.diagnostics);
  const issues = result.error.issues.map((issue) => binder.fromIssue(issue));
  return { value: undefined, diagnostics: [...binder.diagnostics, ...issues] };
}

/** Python's `None` stands for an argument that was not given, unless the declaration has a use for it. */
function isLeftOut(schema: z.ZodType): boolean {
  return schema.safeParse(undefined).success && !schema.safeParse(null).success;
}

const NAME_FOR_TEMPLATE = ' A name for the template goes below `context`.';

class Binder {
  readonly bound: Record<string, unknown> = {};
  readonly diagnostics: Diagnostic[] = [];
  readonly #declaration: Declaration;
  readonly #call: CallArguments;
  readonly #names: readonly string[];

  constructor(declaration: Declaration, call: CallArguments) {
    this.#declaration = declaration;
    this.#call = call;
    this.#names = Object.keys(declaration.args.shape);
  }

  bindPositional(): void {
    const { args, typed } = this.#call;
    const { rest, keywords, name } = this.#declaration;
    // As in Python, what is declared after `*rest` is taken by name only.
    const before = rest === undefined ? this.#names : this.#names.slice(0, this.#names.indexOf(rest));
    const slots = before.filter((slot) => slot !== keywords);
    const extra: Value[] = [];
    args.forEach((value, index) => {
      const slot = slots[index];
      if (slot !== undefined) this.#bind(slot, value, typed?.args[index]);
      else extra.push(value);
    });
    if (extra.length === 0) return;
    if (rest === undefined) {
      this.#report(
        'EDGE_UNKNOWN_ARGUMENT',
        `${name} takes at most ${slots.length} positional arguments, ${args.length} given`,
        `arguments: ${slots.join(', ')}`,
      );
    } else this.#bind(rest, extra, undefined);
  }

  bindKeywords(): void {
    const { kwargs, typed } = this.#call;
    const { keywords, keywordsWith, name } = this.#declaration;
    const isTaken = (key: string): boolean =>
      keywordsWith === undefined || (kwargs.has(keywordsWith) && nearest(key, this.#names) === undefined);
    const extra = new PyMap();
    for (const [key, value] of kwargs) {
      if (key in this.#declaration.args.shape && key !== keywords) {
        if (key in this.bound) this.#report('EDGE_BAD_ARGUMENT', `${name} got \`${key}\` twice`, '', key);
        else this.#bind(key, value, typed?.kwargs.get(key));
      } else if (keywords !== undefined && isTaken(key)) extra.set(key, value);
      else {
        const beside = keywordsWith !== undefined && kwargs.has(keywordsWith) ? NAME_FOR_TEMPLATE : '';
        const help = didYouMean(key, this.#candidates) + beside || `arguments: ${this.#candidates.join(', ')}`;
        this.#report('EDGE_UNKNOWN_ARGUMENT', `unknown argument \`${key}\` for ${name}`, help, key);
      }
    }
    if (keywords !== undefined && extra.size > 0) this.#bind(keywords, extra, undefined);
  }

  fromIssue(issue: z.core.$ZodIssue): Diagnostic {
    const { name } = this.#declaration;
    const argument = String(issue.path[0] ?? '');
    const place = this.#call.placeOf?.(argument);
    const source = place === undefined ? {} : { source: place };
    const missing = issue.code === 'invalid_type' && !(argument in this.bound);
    const described = this.#declaration.args.shape[argument]?.meta()?.description ?? '';
    return missing
      ? {
          severity: 'error',
          code: 'EDGE_MISSING_ARGUMENT',
          summary: `${name} needs \`${argument}\``,
          detail: described,
          ...source,
        }
      : {
          severity: 'error',
          code: 'EDGE_BAD_ARGUMENT',
          summary: `${name}: \`${issue.path.join('.')}\`: ${issue.message}`,
          detail: described,
          ...source,
        };
  }

  /** Names that may be given: what takes the others is not one of them. */
  get #candidates(): readonly string[] {
    return this.#names.filter((name) => name !== this.#declaration.keywords);
  }

  #bind(name: string, value: Value, typed: string | undefined): void {
    if (typeof value === 'string' && typed === undefined) {
      this.bound[name] = value;
      return;
    }
    const schema = this.#declaration.args.shape[name] as z.ZodType;
    if (value === null && !takesRawValue(schema) && isLeftOut(schema)) return;
    if (takesRawValue(schema) || (Array.isArray(value) && takesRawItems(schema))) this.bound[name] = value;
    else if (takesText(schema) && typed !== undefined) this.bound[name] = typed;
    else if (takesText(schema) && (typeof value === 'number' || typeof value === 'bigint')) {
      this.bound[name] = String(value);
      this.#report(
        'EDGE_NUMBER_FOR_TEXT',
        `\`${name}\` of ${this.#declaration.name} is text but the file has the number ${value}`,
        'put it in quotes',
        name,
        'warning',
      );
    } else if (takesBoolean(schema) && (value === 0 || value === 1)) this.bound[name] = value === 1;
    else this.bound[name] = toPlain(value);
  }

  #report(
    code: ErrorCode,
    summary: string,
    detail: string,
    argument?: string,
    severity: 'error' | 'warning' = 'error',
  ): void {
    const place = argument === undefined ? undefined : this.#call.placeOf?.(argument);
    this.diagnostics.push({ severity, code, summary, detail, ...(place === undefined ? {} : { source: place }) });
  }
}
