import { z } from 'zod';
import { DiagnosticsError, EdgeError } from '../kernel/index.ts';
import { type Catalog, defineRead, type ExecutionModule } from '../modules/contract/index.ts';
import { anyValue, type Declaration, parseArguments } from '../schema/index.ts';
import { fromPlain, PyMap, type Value } from '../values/index.ts';

const nameArgs = z.object({
  names: z.array(z.string()).default([]).describe('Modules or functions; all where none is given.'),
});

/** Functions about the functions themselves: what there is and how it is called. */
export function catalogFunctions(catalog: () => Catalog): readonly ExecutionModule[] {
  const functions = (names: readonly string[]) => chosen(catalog().functions, names);
  const states = (names: readonly string[]) => chosen(catalog().states, names);
  return [
    about('sys.list_functions', 'Answer the names of functions.', (names) => functions(names).map(({ name }) => name)),
    about('sys.list_modules', 'Answer the names of modules.', (names) => modulesOf(functions(names))),
    about('sys.list_state_functions', 'Answer the names of states.', (names) => states(names).map(({ name }) => name)),
    about('sys.list_state_modules', 'Answer the names of state modules.', (names) => modulesOf(states(names))),
    about('sys.doc', 'Answer what functions do.', (names) => documented(functions(names))),
    about('sys.state_doc', 'Answer what states do.', (names) => documented(states(names))),
    about('sys.argspec', 'Answer the arguments of functions.', (names) => specified(functions(names))),
    about('sys.state_argspec', 'Answer the arguments of states.', (names) => specified(states(names))),
    foresee(catalog),
  ];
}

/** What a call would change, found by looking: how plans of orchestrations ask the hosts. */
function foresee(catalog: () => Catalog): ExecutionModule {
  return defineRead({
    name: 'sys.foresee',
    summary: 'Answer what calling a function would change here, without calling it.',
    args: z.object({
      fun: z.string().describe('The function: `supervisord.stop`.'),
      args: z.array(anyValue()).default([]).describe('Its positional arguments.'),
      kwargs: anyValue().optional().describe('Its keyword arguments: a mapping.'),
      left: anyValue().optional().describe('Id of a host → what calls before it would leave behind there, by name.'),
    }),
    returns: 'None where that cannot be told; otherwise `changes`, `leaves` and `isLook`.',
    examples: [{ title: 'is it running?', args: { fun: 'supervisord.stop', args: ['shop'] } }],
    async run({ fun, args, kwargs, left }, ctx) {
      const module = catalog().functions.get(fun);
      if (module === undefined) throw new EdgeError('EDGE_UNKNOWN_FUNCTION', `no function \`${fun}\``, { fun });
      if (module.access === 'read') return { changes: {}, leaves: {}, isLook: false };
      const given = kwargs instanceof PyMap ? [...kwargs].map(([key, value]) => [String(key), value] as const) : [];
      const bound = parseArguments(module, { args: args as Value[], kwargs: new Map(given) });
      if (bound.value === undefined) throw new DiagnosticsError(bound.diagnostics);
      const own = left instanceof PyMap ? left.get(ctx.host.id) : undefined;
      const before = own instanceof PyMap ? [...own].map(([key, value]) => [String(key), String(value)] as const) : [];
      const found = await module.foresee?.(bound.value as never, ctx, new Map(before));
      return found === undefined ? null : fromPlain(found);
    },
  });
}

function about(
  name: `${string}.${string}`,
  summary: string,
  answer: (names: readonly string[]) => unknown,
): ExecutionModule {
  return defineRead({
    name,
    summary,
    args: nameArgs,
    rest: 'names',
    returns: 'A list or mapping.',
    examples: [],
    run: ({ names }) => Promise.resolve(answer(names)),
  });
}

function chosen<D extends Declaration>(all: ReadonlyMap<string, D>, names: readonly string[]): D[] {
  const isWanted = (name: string): boolean =>
    names.length === 0 ||
    names.some((wanted) => name === wanted || name.startsWith(`${wanted.replace(/\.?\*$/, '')}.`));
  return [...all.values()].filter(({ name }) => isWanted(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function modulesOf(declarations: readonly Declaration[]): string[] {
  return [...new Set(declarations.map(({ name }) => name.split('.')[0]!))];
}

function documented(declarations: readonly Declaration[]): Record<string, string> {
  return Object.fromEntries(
    declarations.map(({ name, summary, args }) => {
      const lines = Object.entries(args.shape).map(
        ([key, schema]) => `  ${key}: ${(schema as z.ZodType).meta()?.description ?? ''}`,
      );
      return [name, [summary, ...(lines.length === 0 ? [] : ['', ...lines])].join('\n')];
    }),
  );
}

function specified(declarations: readonly Declaration[]): Record<string, object> {
  return Object.fromEntries(
    declarations.map(({ name, args, rest, keywords }) => {
      const names = Object.keys(args.shape).filter((key) => key !== rest && key !== keywords);
      return [
        name,
        {
          args: names,
          defaults: names.filter((key) => (args.shape[key] as z.ZodType).safeParse(undefined).success),
          varargs: rest ?? null,
          kwargs: keywords ?? null,
        },
      ];
    }),
  );
}
