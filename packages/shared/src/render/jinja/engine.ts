import { type Compiled, compiled, type Diagnostic, notCompiled } from '../../kernel/index.ts';
import { integer } from '../../values/index.ts';
import type { JinjaOptions, RenderedText, RenderRequest, RenderText } from '../contract.ts';
import { BoundedCache } from './cache.ts';
import { explainFault } from './explain-fault.ts';
import { FILTERS } from './filters/index.ts';
import { GLOBALS } from './globals.ts';
import { jinjaOptions } from './options.ts';
import { renderedText } from './origins.ts';
import { syntaxDiagnostics } from './report.ts';
import { Context } from './runtime/context.ts';
import { renew } from './runtime/effort.ts';
import { cancelledFault, deadlineFault, Env, toFault } from './runtime/env.ts';
import { type Frame, PyFault } from './runtime/fault.ts';
import { Later } from './runtime/later.ts';
import { SaltCalls } from './runtime/salt-calls.ts';
import type { Serializers } from './serializers.ts';
import { slsContext } from './sls-context.ts';
import { JinjaTemplate, TemplateSyntaxFaults } from './template.ts';
import { TESTS } from './tests.ts';

const DEFAULT_CAPACITY = 500;
/** Paths and options kept for one text. */
const MAX_VARIANTS = 20;
const NAMES = { filters: FILTERS, tests: TESTS };

/** text → options and path → template: the hash of a text is worked out once, by the text itself. */
type TemplateCache = BoundedCache<BoundedCache<JinjaTemplate>>;

/** A Jinja engine: compiled templates are shared between renders, everything else belongs to one render. */
export interface Jinja {
  readonly renderText: RenderText;
}

/** An engine over the given YAML. `capacity` bounds the number of compiled templates kept. */
export function createJinja(
  serializers: Serializers,
  { capacity = DEFAULT_CAPACITY }: { readonly capacity?: number } = {},
): Jinja {
  const cache: TemplateCache = new BoundedCache(capacity);
  return { renderText: (request) => renderText(request, serializers, cache) };
}

async function renderText(
  asked: RenderRequest,
  serializers: Serializers,
  cache: TemplateCache,
): Promise<Compiled<RenderedText>> {
  const { value: lexer, diagnostics: remarks } = jinjaOptions(asked);
  if (lexer === undefined) return notCompiled(remarks);
  const request = { ...asked, jinja: lexer };
  const options = optionsKey(lexer);
  const compile = (text: string, path: string): JinjaTemplate =>
    cache
      .get(text, () => new BoundedCache(MAX_VARIANTS))
      .get(`${options}\0${path}`, () => new JinjaTemplate(text, { names: NAMES, lexer }, path, false));
  const env = new Env({ request, filters: FILTERS, tests: TESTS, serializers, compile });
  const variables = variablesOf(request);
  renew();
  for (const [name, value] of GLOBALS) env.globals.set(name, value);
  for (const [name, value] of variables) env.globals.set(name, value);
  try {
    const template = compile(request.text, request.path);
    await template.prepare(() => env.turn());
    const names = new Map(env.globals);
    const piece = await bounded(env, request, template.root(env, new Context(env, names, template.blocks)));
    const ends = /[\r\n]$/.test(request.text);
    return compiled(renderedText(piece, ends ? `${piece.text}\n` : piece.text), remarks);
  } catch (error) {
    return notCompiled([...remarks, ...(await diagnosticsOf(error, request))]);
  }
}

async function diagnosticsOf(error: unknown, request: RenderRequest): Promise<Diagnostic[]> {
  const syntax = syntaxFaultsIn(error);
  const known = (kind: string): Iterable<string> => (kind === 'filter' ? FILTERS : TESTS).keys();
  if (syntax) {
    const trail: readonly Frame[] = error instanceof PyFault ? error.trail : [];
    return syntaxDiagnostics(syntax, trail, known);
  }
  return explainFault(toFault(error), request);
}

function syntaxFaultsIn(error: unknown): TemplateSyntaxFaults | undefined {
  if (error instanceof TemplateSyntaxFaults) return error;
  return error instanceof PyFault && error.cause instanceof TemplateSyntaxFaults ? error.cause : undefined;
}

/** Waits for `rendering`, but not beyond the deadline or a cancellation: then generated code stops at its next pass. */
async function bounded<T>(env: Env, request: RenderRequest, rendering: Promise<T>): Promise<T> {
  const { signal } = request;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    const stop = (fault: PyFault): void => {
      env.stop(fault);
      reject(fault);
    };
    timer = setTimeout(() => stop(deadlineFault(request)), Math.min(env.leftMs, 2_147_483_647));
    onAbort = () => stop(cancelledFault(signal!));
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([rendering, stopped]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

function variablesOf(request: RenderRequest): Map<string, unknown> {
  const variables = new Map<string, unknown>([
    ['salt', new SaltCalls(request.calls)],
    ['grains', request.grains],
    ['pillar', request.pillar],
    ['opts', request.opts],
    ['saltenv', request.saltenv],
    ['env', request.saltenv],
    ['pillarenv', request.pillarenv ?? null],
    ['__env__', request.saltenv],
  ]);
  if (request.sls !== undefined)
    for (const [name, value] of slsContext(request.path, request.sls)) variables.set(name, value);
  for (const [name, value] of request.variables ?? [])
    variables.set(name, typeof value === 'bigint' ? integer(value) : value);
  for (const name of request.later ?? []) variables.set(name, new Later(name));
  return variables;
}

function optionsKey({ trimBlocks, lstripBlocks, lineStatementPrefix, lineCommentPrefix }: JinjaOptions): string {
  return JSON.stringify([trimBlocks, lstripBlocks, lineStatementPrefix, lineCommentPrefix]);
}
