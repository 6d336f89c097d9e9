import { EdgeError } from '../../kernel/index.ts';
import type { ModuleContext } from '../../modules/contract/index.ts';
import { encodeValue, PyFloat, PyMap, PySet, PyTuple, traverse, type Value } from '../../values/index.ts';
import type { Chunk } from '../contract.ts';
import { quietAnswer, type StepAnswer } from './answer.ts';

/** Arguments of a state that its guards' commands run with too (Salt 3006 state.py, _run_check). */
const COMMAND_ARGUMENTS = [
  'cwd',
  'root',
  'runas',
  'env',
  'prepend_path',
  'umask',
  'timeout',
  'success_retcodes',
  'shell',
];

/** Longest part of a condition that is told. */
const TOLD_CHARACTERS = 200;

/** What the guards of a state said. */
export interface GuardVerdict {
  /** Why they keep it from running, as its answer; undefined when they let it. */
  readonly kept: StepAnswer | undefined;
  /** Each guard there is and what it said: `unless is true: test -e /srv/app`. Secrets are sealed. */
  readonly said: readonly string[];
}

/** Evaluates the guards of a state on the host. */
export async function askGuards(chunk: Chunk, ctx: ModuleContext): Promise<GuardVerdict> {
  const { onlyif, unless, creates } = chunk.guards;
  const comments: string[] = [];
  const said: string[] = [];
  let isKept = false;
  if (onlyif !== undefined) {
    const allow = await all(listOf(onlyif), (entry) => isTrue(entry, chunk, ctx, false));
    comments.push(`onlyif condition is ${allow ? 'true' : 'false'}`);
    said.push(`onlyif is ${allow ? 'true' : 'false'}: ${told(onlyif)}`);
    isKept ||= !allow;
  }
  if (unless !== undefined) {
    const conditions = listOf(unless);
    const refuse = conditions.length > 0 && (await all(conditions, (entry) => isTrue(entry, chunk, ctx, true)));
    comments.push(`unless condition is ${refuse ? 'true' : 'false'}`);
    said.push(`unless is ${refuse ? 'true' : 'false'}: ${told(unless)}`);
    isKept ||= refuse;
  }
  if (creates !== undefined) {
    const paths = listOf(creates).filter((path): path is string => typeof path === 'string');
    const there = paths.length > 0 && (await all(paths, async (path) => await exists(path, ctx)));
    const found = paths.length === 1 ? `${paths[0]} exists` : 'All files in creates exist';
    comments.push(there ? found : 'Creates files not found');
    said.push(`creates is ${there ? 'there' : 'not there'}: ${told(creates)}`);
    isKept ||= there;
  }
  const kept: StepAnswer | undefined = isKept
    ? { ...quietAnswer(true, comments.join('\n')), guarded: true, guards: said }
    : undefined;
  return { kept, said };
}

/** Conditions in one line: commands as they are, functions as JSON. */
function told(conditions: Value): string {
  const texts = listOf(conditions).map((condition) =>
    typeof condition === 'string' ? condition : JSON.stringify(encodeValue(condition)),
  );
  const line = texts.join('; ').replace(/\s*\n\s*/g, ' ');
  return line.length > TOLD_CHARACTERS ? `${line.slice(0, TOLD_CHARACTERS)}…` : line;
}

/** True when every command of a `check_cmd` exits with 0. */
export async function commandsSucceed(commands: Value, chunk: Chunk, ctx: ModuleContext): Promise<boolean> {
  return all(listOf(commands), (entry) => isTrue(entry, chunk, ctx, false));
}

/** `ifNotRun` is what a command counts as that cannot be run: both guards keep the state from running then. */
async function isTrue(entry: Value, chunk: Chunk, ctx: ModuleContext, ifNotRun: boolean): Promise<boolean> {
  if (typeof entry === 'string') {
    const code = await exitCode(entry, chunk, ctx);
    return code === undefined ? ifNotRun : code === 0;
  }
  if (!(entry instanceof PyMap)) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `a condition of ${chunk.id} is neither a command nor a function`,
      {},
      {
        hint: 'Write a command as text, or `fun: module.function` with its arguments.',
      },
    );
  }
  return isTruthy(await callFunction(entry, chunk, ctx));
}

/** Undefined: the command could not be run at all. */
async function exitCode(command: string, chunk: Chunk, ctx: ModuleContext): Promise<number | undefined> {
  const kwargs: Record<string, unknown> = { python_shell: true, ignore_retcode: true };
  for (const argument of COMMAND_ARGUMENTS) {
    const value = chunk.low.get(argument);
    if (value !== undefined && value !== null) kwargs[argument] = value;
  }
  try {
    return Number(await ctx.call('cmd.retcode', [command], kwargs));
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    if (error instanceof EdgeError && error.code === 'EDGE_COMMAND_REFUSED') throw error;
    ctx.log.warn(`a condition of ${chunk.id} could not be run: ${command}`);
    return undefined;
  }
}

async function callFunction(entry: PyMap, chunk: Chunk, ctx: ModuleContext): Promise<Value> {
  const fun = entry.get('fun');
  if (typeof fun !== 'string') {
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      `a condition of ${chunk.id} names no function`,
      {},
      {
        hint: 'Write `fun: module.function`.',
      },
    );
  }
  const kwargs: Record<string, unknown> = {};
  for (const [key, value] of entry) {
    if (key !== 'fun' && key !== 'args' && key !== 'get_return') kwargs[String(key)] = value;
  }
  const args = entry.get('args');
  const answer = await ctx.call(fun, args === undefined ? [] : listOf(args), kwargs);
  const path = entry.get('get_return');
  return typeof path === 'string' ? (traverse(answer, path, ':') ?? null) : answer;
}

async function exists(path: string, ctx: ModuleContext): Promise<boolean> {
  const found = await ctx.host.stat(path);
  if (found?.kind !== 'symlink') return found !== undefined;
  // A link that leads nowhere does not count, as in Python's os.path.exists.
  return (await ctx.host.probe(['test', '-e', path])).exitCode === 0;
}

function listOf(value: Value): readonly Value[] {
  return Array.isArray(value) ? value : value instanceof PyTuple ? value.items : [value];
}

async function all<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (!(await holds(item))) return false;
  return true;
}

/** Python's truth of a value. */
function isTruthy(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof PyMap || value instanceof PySet) return value.size > 0;
  if (value instanceof PyTuple) return value.items.length > 0;
  if (value instanceof PyFloat) return value.value !== 0;
  return value !== null && value !== false && value !== '' && value !== 0;
}
