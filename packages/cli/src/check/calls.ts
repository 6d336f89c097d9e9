import { type Diagnostic, hasErrors, type SourceRange } from '@edge-run/shared/kernel';
import { type RunnerDeclaration, runnerDeclarations, wheelDeclarations } from '@edge-run/shared/protocol';
import { type Declaration, didYouMean, type KnownNames, parseArguments } from '@edge-run/shared/schema';
import type { Value } from '@edge-run/shared/values';
import { isKnownSls, namesOf } from './rules/index.ts';
import type { Workshop } from './workshop.ts';

/** Who is asked to do something: hosts, or the master. */
export type Callee = 'hosts' | 'runner' | 'wheel';

/** A call that somebody will make later: a reaction, a schedule. */
export interface LaterCall {
  readonly callee: Callee;
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  readonly source: SourceRange | undefined;
  /** How the problem is told: `reaction roll-out in salt://…`. */
  readonly who: string;
}

/** What can be called, and which SLS names there are. */
export class CallChecker {
  readonly #byCallee: Readonly<Record<Callee, ReadonlyMap<string, Declaration>>>;
  readonly #slsNames: readonly string[];

  constructor({ catalog }: Pick<Workshop, 'catalog'>, slsNames: readonly string[]) {
    const runners: ReadonlyMap<string, RunnerDeclaration> = runnerDeclarations(catalog.functions);
    this.#byCallee = { hosts: catalog.functions, runner: runners, wheel: wheelDeclarations() };
    this.#slsNames = slsNames;
  }

  /** The names that exist, for readers that look them up themselves. */
  names(callee: Callee): KnownNames {
    const known = this.#byCallee[callee];
    return { has: (name) => known.has(name), names: () => known.keys() };
  }

  /** Unknown functions and arguments, and orchestrations that are not there. */
  problemsOf({ callee, fun, args, kwargs, source, who }: LaterCall): readonly Diagnostic[] {
    const placed = source === undefined ? {} : { source };
    const known = this.#byCallee[callee];
    const declaration = known.get(fun);
    if (declaration === undefined) {
      const what = callee === 'hosts' ? 'function' : callee;
      const summary = `${who}: there is no ${what} \`${fun}\``;
      return [
        { severity: 'error', code: 'EDGE_UNKNOWN_FUNCTION', summary, detail: didYouMean(fun, known.keys()), ...placed },
      ];
    }
    const { diagnostics } = parseArguments(declaration, { args, kwargs });
    const wrong = (hasErrors(diagnostics) ? diagnostics : []).map((diagnostic) => ({
      ...diagnostic,
      summary: `${who}: ${diagnostic.summary}`,
      ...placed,
    }));
    return [...wrong, ...this.#missingSls({ callee, fun, args, kwargs, source, who })];
  }

  #missingSls({ callee, fun, args, kwargs, source, who }: LaterCall): readonly Diagnostic[] {
    if (callee !== 'runner' || !/^state\.(?:orch|orchestrate|sls)$/.test(fun)) return [];
    const env = kwargs.get('saltenv') ?? 'base';
    if (env !== 'base') return [];
    return namesOf(kwargs.get('mods') ?? args[0])
      .filter((name) => !isKnownSls(name, this.#slsNames))
      .map((name) => ({
        severity: 'error' as const,
        code: 'EDGE_SLS_NOT_FOUND' as const,
        summary: `${who}: no orchestration \`${name}\``,
        detail: didYouMean(name, this.#slsNames),
        ...(source === undefined ? {} : { source }),
      }));
  }
}
