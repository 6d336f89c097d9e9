import { isFloat, isInteger, PyFloat, PyMap, type Value } from '../../values/index.ts';
import type { ChunkOptions, Guards, Retry } from '../contract.ts';
import { shown } from '../high/index.ts';
import { type LowChunk, report, type Tree } from './tree.ts';

/** Salt's `retry` where it is only switched on (Salt 3006 state.py, verify_retry_data). */
const RETRY: Retry = { attempts: 2, intervalSeconds: 30, splaySeconds: 0, until: true };

const RELOADS = ['modules', 'grains', 'pillar'] as const;

/** The conditions on a chunk. */
export function guardsOf({ low }: LowChunk): Guards {
  const guards: { -readonly [guard in keyof Guards]: Guards[guard] } = {};
  for (const guard of ['onlyif', 'unless', 'creates'] as const) {
    const value = low.get(guard);
    if (value !== undefined) guards[guard] = value;
  }
  return guards;
}

/** The runner's words on a chunk. `takes` says which of them the function takes for itself. */
export function optionsOf(tree: Tree, chunk: LowChunk, takes: (word: string) => boolean): ChunkOptions {
  const { low } = chunk;
  const retry = low.has('retry') ? retryOf(tree, chunk, low.get('retry')!) : undefined;
  const fireEvent = low.get('fire_event');
  const checkCmd = takes('check_cmd') ? undefined : low.get('check_cmd');
  const runAs = low.get('runas');
  const reload = RELOADS.filter((what) => low.get(`reload_${what}`) === true);
  return {
    ...(low.has('failhard') ? { failhard: low.get('failhard') === true } : {}),
    parallel: low.get('parallel') === true,
    ...(retry === undefined ? {} : { retry }),
    ...(typeof fireEvent === 'string' || fireEvent === true ? { fireEvent } : {}),
    ...(checkCmd === undefined ? {} : { checkCmd }),
    ...(typeof runAs === 'string' ? { runAs } : {}),
    ...(low.get('test') === true && !takes('test') ? { testing: true } : {}),
    ...(low.get('aggregate') === true ? { aggregate: true } : {}),
    ...(reload.length === 0 ? {} : { reload }),
  };
}

function retryOf(tree: Tree, chunk: LowChunk, value: Value): Retry | undefined {
  if (value === false || value === null) return undefined;
  if (value === true) return RETRY;
  const problems: string[] = [];
  const number = (word: string, fallback: number, least: number): number => {
    const found = value instanceof PyMap ? value.get(word) : undefined;
    if (found === undefined) return fallback;
    const read =
      isInteger(found) || isFloat(found) ? (found instanceof PyFloat ? found.value : Number(found)) : Number.NaN;
    if (read >= least) return read;
    problems.push(`${word} is ${shown(found)}`);
    return fallback;
  };
  const retry: Retry = {
    attempts: Math.floor(number('attempts', RETRY.attempts, 1)),
    intervalSeconds: number('interval', RETRY.intervalSeconds, 0),
    splaySeconds: number('splay', RETRY.splaySeconds, 0),
    until: value instanceof PyMap && value.has('until') ? value.get('until') === true : RETRY.until,
  };
  if (!(value instanceof PyMap)) problems.push(`it is ${shown(value)}`);
  if (problems.length > 0) {
    const id = shown(chunk.low.get('__id__')!);
    report(tree, {
      code: 'EDGE_SLS_SHAPE',
      summary: `retry of '${id}' in SLS '${shown(chunk.low.get('__sls__') ?? '')}' is not understood: ${problems.join(', ')}`,
      detail:
        'write `True`, or a mapping of attempts (at least 1), interval, splay (seconds) and until (True or False)',
      place: chunk.places.get('retry') ?? chunk.place,
    });
  }
  return retry;
}
