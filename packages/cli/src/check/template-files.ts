import { type Diagnostic, silentLogger } from '@edge-run/shared/kernel';
import type { Chunk } from '@edge-run/shared/state';
import { PyMap, type Value } from '@edge-run/shared/values';
import { problemsOf, type Unit } from './unit.ts';
import type { Workshop } from './workshop.ts';

/** States that render a file of the tree for the host. */
const RENDERS = /^(?:file\.(?:managed|append|prepend|blockreplace)|cmd\.script)$/;

/** What is wrong with the templates that the states of a unit put on its host, rendered as they would be for it. */
export async function templateProblems(workshop: Workshop, unit: Unit): Promise<readonly Diagnostic[]> {
  const found: Diagnostic[] = [];
  for (const chunk of unit.chunks) {
    for (const uri of templatesOf(chunk)) found.push(...(await renderFor(workshop, unit, chunk, uri)));
  }
  return found;
}

async function renderFor(workshop: Workshop, unit: Unit, chunk: Chunk, uri: string): Promise<readonly Diagnostic[]> {
  const { states, signal } = workshop;
  try {
    const file = await states.open(uri, chunk.env);
    if (file === undefined) return [];
    const text = new TextDecoder().decode(await file.read());
    const runtime = workshop.runtimeOf(unit.host, unit.pillar);
    const work = { signal, log: silentLogger, saltenv: chunk.env, pillar: {} };
    const { renderRequest } = await runtime.workplace(work);
    const rendered = await runtime.options.renderText(renderRequest(text, file.path, variablesOf(chunk)));
    const chain = chunk.place === undefined ? [] : [chunk.place];
    return rendered.diagnostics.map((problem) => ({ ...problem, chain: [...(problem.chain ?? []), ...chain] }));
  } catch (error) {
    return problemsOf(error, unit.placeOf(chunk, 'source'));
  }
}

/** The first source is the one that is rendered where it is there; the others are for hosts that lack it. */
function templatesOf({ state, fun, args, name }: Chunk): readonly string[] {
  const kind = `${state}.${fun}`;
  if (!RENDERS.test(kind) || args.get('template') !== 'jinja') return [];
  const source: Value | undefined = args.get('source') ?? (kind === 'cmd.script' ? name : undefined);
  const uris = (Array.isArray(source) ? source : [source]).filter((uri) => typeof uri === 'string');
  return uris.filter((uri) => /^(?:salt|edge):\/\//.test(uri) && !uri.includes('|')).slice(0, 1);
}

/** Names a template gets: defaults, then context over them. */
function variablesOf({ args }: Chunk): ReadonlyMap<string, Value> {
  const pairs = [args.get('defaults'), args.get('context')].flatMap((map) => (map instanceof PyMap ? [...map] : []));
  return new Map(pairs.map(([key, value]) => [String(key), value] as const));
}
