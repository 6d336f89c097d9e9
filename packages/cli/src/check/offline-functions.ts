import type { Host } from '@edge-run/shared/host';
import { EdgeError } from '@edge-run/shared/kernel';
import type { Catalog, ExecutionModule } from '@edge-run/shared/modules/contract';
import { fromPlain, toPlain, type Value } from '@edge-run/shared/values';

/** What a function answers during a check. */
export interface FunctionAnswer {
  /** Arguments it must have been called with; any others beside them are fine. */
  readonly when: Readonly<Record<string, unknown>>;
  readonly returns: unknown;
}

/** Function → its answers; the first whose arguments fit counts. */
export type FunctionAnswers = ReadonlyMap<string, readonly FunctionAnswer[]>;

/** Modules that reach beyond the host. */
const OUTSIDE = /^(http|saltutil|mine|event)\./;
const MARK = 'needs a running host';

/**
 * The functions templates may call during a check: those that neither change nor look at anything outside of the tree,
 * and those the project gives answers for. Every other one fails in a way that `isMissingHost` knows.
 */
export function offlineFunctions(functions: Catalog['functions'], answers: FunctionAnswers): Catalog['functions'] {
  return new Map([...functions].map(([name, module]) => [name, offline(module, answers)]));
}

/** Functions that templates get for another they name (Salt 3006 utils/templates.py, AliasedLoader). */
const MEANT: Readonly<Record<string, string>> = { 'cmd.shell': 'cmd.run' };

function offline(module: ExecutionModule, answers: FunctionAnswers): ExecutionModule {
  const name = MEANT[module.name] ?? module.name;
  const own = answers.get(module.name) ?? answers.get(name) ?? [];
  const isSafe = module.access === 'read' && !OUTSIDE.test(module.name);
  return {
    ...module,
    async run(args: Record<string, unknown>, ctx: never) {
      const answer = own.find(({ when }) => Object.entries(when).every(([key, value]) => same(args[key], value)));
      if (answer !== undefined) return fromPlain(answer.returns);
      if (!isSafe) throw missing(name);
      try {
        return await module.run(args as never, ctx);
      } catch (error) {
        throw error instanceof EdgeError && error.code === 'EDGE_CHECK_SKIPPED' ? missing(name) : error;
      }
    },
  } as ExecutionModule;
}

function same(given: unknown, wanted: unknown): boolean {
  return JSON.stringify(toPlain(given as Value)) === JSON.stringify(wanted);
}

function missing(name: string): EdgeError {
  return new EdgeError('EDGE_CHECK_SKIPPED', `\`${name}\` ${MARK}`, { function: name });
}

/** True for the text of an error that says a function would have had to look at a host. */
export function isMissingHost(message: string): boolean {
  return message.includes(MARK);
}

/** A host that nobody may look at. */
export function absentHost(id: string): Host {
  const refuse = (): Promise<never> => Promise.reject(missing(id));
  return {
    id,
    probe: refuse,
    readFile: refuse,
    stat: refuse,
    list: refuse,
    exec: refuse,
    writeFile: refuse,
    remove: refuse,
  };
}
