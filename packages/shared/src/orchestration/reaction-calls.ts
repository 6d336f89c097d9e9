import { type Compiled, compiled, type Diagnostic, type ErrorCode, notCompiled } from '../kernel/index.ts';
import { didYouMean, type KnownNames } from '../schema/index.ts';
import { PyMap, PyTuple, type Value } from '../values/index.ts';
import type { ReactionChunk } from './reaction-chunks.ts';

/** What a reaction does: a job on hosts, a function of the master, or a function on the master's own host. */
export type ReactionCall = {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
} & (
  | {
      readonly client: 'local';
      readonly target: string;
      readonly targetType: string;
      /** Only hosts of the roster. */
      readonly transport?: 'ssh';
      /** What else stands beside the function, as written: `ret`, `timeout`. */
      readonly options: PyMap;
    }
  | { readonly client: 'runner' | 'wheel' | 'caller' }
);

const CLIENTS = ['local', 'runner', 'wheel', 'caller'] as const;
type Client = (typeof CLIENTS)[number];

/** Words of a chunk that are never arguments (Salt 3006 reactor.py, REACTOR_INTERNAL_KEYWORDS). */
const INTERNAL = new Set(['state', '__id__', '__sls__', 'name', 'order', 'fun', 'key']);
const ARGUMENT_WORDS = new Set(['arg', 'kwarg', 'args']);
const REQUISITES = new Set(['require', 'watch', 'prereq', 'onchanges', 'onfail', 'listen', 'use']);
/** What stands beside the function of a job. `timeout` and `ret` change nothing: nobody waits for the job. */
const JOB_WORDS = ['tgt', 'tgt_type', 'ssh', 'args', 'arg', 'kwarg', 'ret', 'timeout', 'name', 'names', 'order'];

/**
 * Turns a chunk into its call (Salt 3006 reactor.py, ReactWrap.run): `args` are keyword arguments, as a list of pairs or
 * a mapping; without it `arg` and `kwarg` count, and for functions of the master everything beside the function.
 */
export function callOf(chunk: ReactionChunk, runners: KnownNames): Compiled<ReactionCall> {
  const { client: written, fun, low } = chunk;
  const client = CLIENTS.find((known) => known === written);
  if (client === undefined) {
    const detail =
      written === 'cmd' ? 'write `local` for `cmd`' : didYouMean(written, CLIENTS) || `clients: ${CLIENTS.join(', ')}`;
    return refuse(chunk, 'EDGE_SLS_SHAPE', `there is no client \`${written}\``, detail);
  }
  if ((client === 'runner' || client === 'wheel') && !runners.has(fun)) {
    return refuse(chunk, 'EDGE_UNKNOWN_FUNCTION', `there is no ${client} \`${fun}\``, didYouMean(fun, runners.names()));
  }
  const given = argumentsOf(client, chunk);
  if (given === undefined) {
    const detail = 'write `- args:` and each argument below it as `- name: value`';
    return refuse(chunk, 'EDGE_SLS_SHAPE', '`args` is neither a mapping nor a list of pairs', detail);
  }
  const remarks = [...requisiteRemarks(chunk), ...ignoredRemarks(chunk)];
  if (client !== 'local') return compiled({ client, fun, ...given }, remarks);
  const tgt = low.get('tgt');
  if (tgt === undefined || tgt === null) {
    return refuse(chunk, 'EDGE_MISSING_ARGUMENT', 'it does not say on which hosts', "write `- tgt: '*'`");
  }
  const ssh = low.get('ssh') ?? false;
  if (typeof ssh !== 'boolean') {
    return refuse(
      chunk,
      'EDGE_SLS_SHAPE',
      '`ssh` is neither True nor False',
      'write `- ssh: True` for hosts of the roster',
    );
  }
  const options = new PyMap([...low].filter(([key]) => isOption(String(key))));
  const targetType = String(low.get('tgt_type') ?? (Array.isArray(tgt) ? 'list' : 'glob'));
  const target = Array.isArray(tgt) ? tgt.map(String).join(',') : String(tgt);
  const transport = ssh ? { transport: 'ssh' as const } : {};
  const call = { client, fun, target, targetType, ...transport, options, ...given };
  return compiled(call, [...remarks, ...strayRemarks(chunk)]);
}

function isOption(word: string): boolean {
  return word !== 'tgt' && word !== 'ssh' && !INTERNAL.has(word) && !ARGUMENT_WORDS.has(word);
}

interface Arguments {
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
}

function argumentsOf(client: Client, chunk: ReactionChunk): Arguments | undefined {
  const { low } = chunk;
  const args = low.get('args');
  if (args !== undefined) {
    // `caller` had `args` before the other clients had, as positional arguments.
    if (client === 'caller' && Array.isArray(args) && !args.every(isPair)) return { args, kwargs: new Map() };
    if (args instanceof PyMap) return { args: [], kwargs: textKeys(args) };
    const kwargs = pairsOf(args);
    return kwargs === undefined || kwargs.size === 0 ? undefined : { args: [], kwargs };
  }
  const kwarg = low.get('kwarg');
  const positional = listOf(low.get('arg'));
  const keywords = kwarg instanceof PyMap ? textKeys(kwarg) : new Map<string, Value>();
  if (client === 'local' || client === 'caller' || (low.has('arg') && low.has('kwarg'))) {
    return { args: positional, kwargs: keywords };
  }
  return { args: positional, kwargs: new Map([...wordsOf(chunk), ...keywords]) };
}

/** The arguments of a function of the master that stand beside it. A name counts where it was chosen. */
function wordsOf({ low, id }: ReactionChunk): ReadonlyMap<string, Value> {
  const words = new Map<string, Value>();
  for (const [key, value] of low) {
    const word = String(key);
    const isArgument = word === 'name' ? value !== id : !INTERNAL.has(word) && !ARGUMENT_WORDS.has(word);
    if (isArgument && !REQUISITES.has(word)) words.set(word, value);
  }
  return words;
}

function isPair(value: Value): value is PyMap {
  return value instanceof PyMap && value.size === 1;
}

/** A list of pairs as one mapping; a bare word stands for itself with no value (Salt's repack_dictlist). */
function pairsOf(list: Value): ReadonlyMap<string, Value> | undefined {
  if (!Array.isArray(list)) return undefined;
  const pairs = new Map<string, Value>();
  for (const item of list) {
    if (isPair(item)) for (const [key, value] of item) pairs.set(String(key), value);
    else if (item === null || typeof item === 'object') return undefined;
    else pairs.set(String(item), null);
  }
  return pairs;
}

function textKeys(map: PyMap): ReadonlyMap<string, Value> {
  return new Map([...map].map(([key, value]) => [String(key), value]));
}

function listOf(arg: Value | undefined): readonly Value[] {
  if (arg === undefined || arg === null) return [];
  if (arg instanceof PyTuple) return arg.items;
  return Array.isArray(arg) ? arg : [arg];
}

/** `arg` and `kwarg` beside `args`. */
function ignoredRemarks(chunk: ReactionChunk): readonly Diagnostic[] {
  const ignored = chunk.low.has('args') ? ['arg', 'kwarg'].filter((word) => chunk.low.has(word)) : [];
  return ignored.map((word) =>
    remark(chunk, 'warning', 'EDGE_UNKNOWN_ARGUMENT', `\`${word}\` is ignored beside \`args\``, 'put all into `args`'),
  );
}

/** Words beside the function of a job that change nothing: most likely meant for the function. */
function strayRemarks(chunk: ReactionChunk): readonly Diagnostic[] {
  const stray = [...chunk.low.keys()].map(String).filter((word) => isOption(word) && !REQUISITES.has(word));
  return stray
    .filter((word) => !JOB_WORDS.includes(word))
    .map((word) => {
      const detail = didYouMean(word, JOB_WORDS) || `write it below \`args\` if ${chunk.fun} takes it`;
      return remark(chunk, 'warning', 'EDGE_UNKNOWN_ARGUMENT', `\`${word}\` is not given to ${chunk.fun}`, detail);
    });
}

function requisiteRemarks(chunk: ReactionChunk): readonly Diagnostic[] {
  const used = [...chunk.low.keys()].map(String).filter((word) => REQUISITES.has(word));
  const detail = 'reactions know no requisites: sort them with `order`, or start an orchestration';
  return used.map((word) => remark(chunk, 'warning', 'EDGE_UNKNOWN_ARGUMENT', `\`${word}\` changes nothing`, detail));
}

function refuse(chunk: ReactionChunk, code: ErrorCode, reason: string, detail: string): Compiled<ReactionCall> {
  return notCompiled([remark(chunk, 'error', code, reason, detail)]);
}

function remark(
  { id, client, fun, sls, place }: ReactionChunk,
  severity: Diagnostic['severity'],
  code: ErrorCode,
  reason: string,
  detail: string,
): Diagnostic {
  const summary = `${client}.${fun} of '${id}' in ${sls}: ${reason}`;
  return { severity, code, summary, detail, ...(place === undefined ? {} : { source: place }) };
}
