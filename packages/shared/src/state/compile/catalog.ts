import { type Compiled, type Diagnostic, notCompiled } from '../../kernel/index.ts';
import { anyValue, type Declaration, didYouMean, parseArguments } from '../../schema/index.ts';
import type { PyMap, Value } from '../../values/index.ts';
import type { CompileCatalog } from '../contract.ts';
import { isOpen } from './open-values.ts';

/** What compiling needs to know about `states`, by full name, or about kinds of steps; `stepWords` are words of steps of orchestrations. */
export function compileCatalog(
  states: ReadonlyMap<string, Declaration>,
  stepWords?: ReadonlySet<string>,
): CompileCatalog {
  const modules = new Set([...states.keys()].map((name) => name.slice(0, name.lastIndexOf('.'))));
  return {
    ...(stepWords === undefined ? {} : { stepWords }),
    hasState: (state) => modules.has(state),
    declares: (state, fun, argument) => {
      const declaration = states.get(`${state}.${fun}`);
      return declaration !== undefined && Object.hasOwn(declaration.args.shape, argument);
    },
    check: (state, fun, args, placeOf) => {
      const module = states.get(`${state}.${fun}`);
      if (module === undefined) return notCompiled([unknown(state, fun, modules, states)]);
      return parseArguments(withSlotsOpen(module, args), {
        args: [],
        kwargs: textKeys(args),
        placeOf,
      }) as Compiled<unknown>;
    },
  };
}

/** The keyword arguments of a chunk. */
export function textKeys(args: PyMap): ReadonlyMap<string, Value> {
  return new Map([...args].map(([key, value]) => [String(key), value] as const));
}

/** A declaration that takes anything where a value will be filled in later. */
function withSlotsOpen(module: Declaration, args: PyMap): Declaration {
  const open: Record<string, ReturnType<typeof anyValue>> = {};
  for (const [key, value] of args) {
    if (isOpen(value) && Object.hasOwn(module.args.shape, String(key))) open[String(key)] = anyValue();
  }
  return Object.keys(open).length === 0 ? module : { ...module, args: module.args.safeExtend(open) };
}

function unknown(
  state: string,
  fun: string,
  modules: ReadonlySet<string>,
  states: ReadonlyMap<string, Declaration>,
): Diagnostic {
  const name = `${state}.${fun}`;
  if (!modules.has(state)) {
    return {
      severity: 'error',
      code: 'EDGE_UNKNOWN_STATE',
      summary: `there is no state module \`${state}\` (for ${name})`,
      detail:
        didYouMean(state, modules) ||
        `state modules: ${[...modules].sort().join(', ')}; Edge runs no Python, so neither what is in _states`,
    };
  }
  const known = [...states.keys()].filter((candidate) => candidate.startsWith(`${state}.`));
  return {
    severity: 'error',
    code: 'EDGE_UNKNOWN_FUNCTION',
    summary: `there is no state \`${name}\``,
    detail: didYouMean(name, known) || `functions: ${known.join(', ')}`,
  };
}
