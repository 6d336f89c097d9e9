import {
  type Clock,
  type Compiled,
  type Diagnostic,
  DiagnosticsError,
  EdgeError,
  errorMessage,
  formatDiagnostic,
  hasErrors,
  type JsonValue,
  type Logger,
} from '@edge-run/shared/kernel';
import {
  callOf,
  compileReaction,
  type ReactionCall,
  type ReactionChunk,
  type RenderedReaction,
} from '@edge-run/shared/orchestration';
import type { EdgeEvent } from '@edge-run/shared/protocol';
import type { RenderedData } from '@edge-run/shared/render';
import { decodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { Events } from '../events/index.ts';
import { type Dispatcher, startJob } from '../jobs/index.ts';
import { type RunnerCalls, startRunner } from '../orchestration/index.ts';
import { chainLength, reactionKey } from './keys.ts';

/** Tag of the event that tells of a reaction that failed. */
export const FAILED_TAG = 'reactor/failed';
/** Reactions that may lead to each other. */
export const MAX_CHAIN = 10;

/** Event data as templates see it. */
export interface ReactionVariables {
  readonly tag: string;
  readonly data: Value;
}

/** Renders a reactor file for an event; a file that does not exist is a diagnostic. */
export type RenderReaction = (sls: string, variables: ReactionVariables) => Promise<Compiled<RenderedData>>;

/** A function called on the master's own host. */
export interface CallerRequest extends Pick<ReactionCall, 'fun' | 'args' | 'kwargs'> {
  readonly by: string;
  readonly key: string;
  readonly causedBy: string;
  readonly signal: AbortSignal;
}

/** What reactions act through. */
export interface ReactionPorts {
  readonly events: Pick<Events, 'send'>;
  readonly render: RenderReaction;
  readonly jobs: Pick<Dispatcher, 'run'>;
  readonly runners: RunnerCalls;
  readonly wheels: RunnerCalls;
  /** Calls of the client `caller`; they are refused when absent. */
  readonly caller?: (request: CallerRequest) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Reacts to one event: renders `files`, compiles them and hands every call over, in order. Resolves when a crash would no
 * longer lose any of them; their ends are followed meanwhile. What goes wrong is told by an event, never thrown.
 *
 * @param calls aborts calls that are still going on
 * @throws only what aborted `calls`: the event is to be given again
 */
export async function react(
  event: EdgeEvent,
  files: readonly string[],
  ports: ReactionPorts,
  calls: AbortSignal,
): Promise<void> {
  const chain = chainLength(event);
  if (chain >= MAX_CHAIN) return endOfChain(event, files, chain, ports);
  const { chunks, diagnostics } = await compileFor(event, files, ports);
  const problems = [...diagnostics];
  for (const chunk of chunks) {
    const call = callOf(chunk, masterFunctions(chunk.client, ports));
    problems.push(...call.diagnostics);
    if (call.value === undefined) continue;
    calls.throwIfAborted();
    try {
      const { ended } = await unlessAborted(handOver(call.value, chunk, { event, ports, calls }), calls);
      follow(ended, chunk, { event, ports, calls });
    } catch (error) {
      if (calls.aborted) throw error;
      problems.push(...toDiagnostics(error, chunk));
    }
  }
  for (const remark of problems.filter(({ severity }) => severity === 'warning')) {
    ports.log.warn(formatDiagnostic(remark), { event: event.id, tag: event.tag });
  }
  if (hasErrors(problems)) await tellFailure(event, files, problems, ports);
}

async function compileFor(
  event: EdgeEvent,
  files: readonly string[],
  { render }: ReactionPorts,
): Promise<{ readonly chunks: readonly ReactionChunk[]; readonly diagnostics: readonly Diagnostic[] }> {
  const variables = { tag: event.tag, data: templateData(event) };
  const rendered: RenderedReaction[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const sls of new Set(files)) {
    try {
      const result = await render(sls, variables);
      diagnostics.push(...result.diagnostics);
      if (result.value !== undefined) rendered.push({ sls, rendered: result.value });
    } catch (error) {
      diagnostics.push(...toDiagnostics(error, { sls }));
    }
  }
  const compiled = compileReaction(rendered);
  return { chunks: compiled.chunks, diagnostics: [...diagnostics, ...compiled.diagnostics] };
}

/** The event's data; a mapping also has Salt's `_stamp`. */
function templateData(event: EdgeEvent): Value {
  const data = decodeValue(event.data);
  if (data instanceof PyMap && !data.has('_stamp')) {
    data.set('_stamp', new Date(event.at).toISOString().replace(/(\.\d{3})Z$/, '$1000'));
  }
  return data;
}

interface Site {
  readonly event: EdgeEvent;
  readonly ports: ReactionPorts;
  readonly calls: AbortSignal;
}

/** Starts a call; resolves once it is on record somewhere, or has ended. */
async function handOver(
  call: ReactionCall,
  chunk: ReactionChunk,
  { event, ports, calls }: Site,
): Promise<{ readonly ended: Promise<unknown> }> {
  const key = reactionKey(event, chunk);
  const { fun, args, kwargs } = call;
  const common = { args, kwargs, by: `reactor:${chunk.sls}`, causedBy: event.id };
  ports.log.info(`reacting with ${call.client}.${fun}`, { event: event.id, tag: event.tag, id: chunk.id, key });
  switch (call.client) {
    case 'runner':
    case 'wheel': {
      const started = await startRunner(masterFunctions(call.client, ports), {
        ...common,
        name: fun,
        key,
        signal: calls,
      });
      return { ended: started.ended.then(({ result }) => (result ? undefined : notSucceeded(chunk, key))) };
    }
    case 'local': {
      const { target, targetType, transport } = call;
      const hosts = { target, targetType, ...(transport === undefined ? {} : { transport }) };
      const { ended } = await startJob(ports.jobs, { ...common, fun, ...hosts, jid: key }, calls);
      return { ended: ended.then(({ targets }) => (targets.size === 0 ? nobody(call, chunk) : undefined)) };
    }
    case 'caller': {
      if (ports.caller === undefined) {
        const hint = "Write `local` and the master's own minion as `tgt`.";
        throw new EdgeError('EDGE_NOT_SUPPORTED', 'this master runs no functions on its own host', {}, { hint });
      }
      await ports.caller({ ...common, fun, key, signal: calls });
      return { ended: Promise.resolve() };
    }
  }
}

/** The functions of the master that a client of reactions calls. */
function masterFunctions(client: string, { runners, wheels }: Pick<ReactionPorts, 'runners' | 'wheels'>): RunnerCalls {
  return client === 'wheel' ? wheels : runners;
}

function nobody({ target, transport }: { target: string; transport?: 'ssh' }, { id }: ReactionChunk): never {
  const what = transport === 'ssh' ? 'no host of the roster' : 'no host';
  throw new EdgeError('EDGE_TARGET_MATCHES_NOTHING', `\`${target}\` matches ${what}`, { target, id });
}

function notSucceeded({ fun }: ReactionChunk, key: string): never {
  const hint = `See 'edge-run orch show ${key}'.`;
  throw new EdgeError('EDGE_REACTION_FAILED', `${fun} failed`, { key }, { hint });
}

/** Lets go of work that does not listen to the signal itself. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Hears of the end of a call that was handed over. */
function follow(ended: Promise<unknown>, chunk: ReactionChunk, { event, ports, calls }: Site): void {
  ended
    .catch((error: unknown) =>
      calls.aborted ? undefined : tellFailure(event, [chunk.sls], toDiagnostics(error, chunk), ports),
    )
    .catch((error: unknown) => ports.log.error(`cannot tell of a reaction that failed: ${errorMessage(error)}`));
}

async function endOfChain(
  event: EdgeEvent,
  files: readonly string[],
  chain: number,
  ports: ReactionPorts,
): Promise<void> {
  const problem: Diagnostic = {
    severity: 'error',
    code: 'EDGE_REACTION_CHAIN',
    summary: `${event.tag} follows from ${chain} reactions, one after the other: no further one starts`,
    detail: 'let the reactor match a narrower tag than those of what it starts',
  };
  // Telling of this one would itself be an event that the same rules match.
  if (event.tag === FAILED_TAG) ports.log.error(formatDiagnostic(problem), { event: event.id });
  else await tellFailure(event, files, [problem], ports);
}

async function tellFailure(
  event: EdgeEvent,
  files: readonly string[],
  diagnostics: readonly Diagnostic[],
  { events, log }: ReactionPorts,
): Promise<void> {
  for (const diagnostic of diagnostics.filter(({ severity }) => severity === 'error')) {
    log.error(formatDiagnostic(diagnostic), { event: event.id, tag: event.tag });
  }
  const data = { event: event.id, tag: event.tag, files: [...files], diagnostics } as unknown as JsonValue;
  await events.send({ tag: FAILED_TAG, data, causedBy: event.id, depth: chainLength(event) + 1 });
}

function toDiagnostics(error: unknown, { sls, place, ...chunk }: Pick<ReactionChunk, 'sls'> & Partial<ReactionChunk>) {
  if (error instanceof DiagnosticsError) return error.diagnostics;
  const what = chunk.id === undefined ? sls : `${chunk.client}.${chunk.fun} of '${chunk.id}' in ${sls}`;
  const diagnostic: Diagnostic = {
    severity: 'error',
    code: error instanceof EdgeError ? error.code : 'EDGE_INTERNAL',
    summary: `${what}: ${errorMessage(error)}`,
    detail: error instanceof EdgeError ? (error.hint ?? '') : '',
    ...(place === undefined ? {} : { source: place }),
  };
  return [diagnostic];
}
