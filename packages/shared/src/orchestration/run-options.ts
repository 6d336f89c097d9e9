import { z } from 'zod';
import { type Compiled, type Diagnostic, hasErrors, parseDuration, type SourceRange } from '../kernel/index.ts';
import type { RunOptions } from '../protocol/index.ts';
import { type Declaration, parseArguments } from '../schema/index.ts';
import type { Chunk, HighData } from '../state/index.ts';
import { PyMap, type Value } from '../values/index.ts';

/** Key of an SLS below which an orchestration says how its runs go. Salt passes over keys that begin so. */
export const RUN_KEY = '__run__';

const HOUR_MS = 3_600_000;

const span = z.union([z.number().positive(), z.string()]);

/** What may stand below `__run__`. */
export const RUN_OPTIONS: Declaration = {
  name: 'orchestration.__run__',
  summary: 'How the runs of an orchestration go as a whole.',
  args: z.object({
    lock: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe(
        'Locks a run holds from its first step to its end, first come first served: `env/prod`. An orchestration that ' +
          'touches a load balancer, or is called `deploy…`, holds `env/<pillarenv>` when this is absent; `[]` holds none.',
      ),
    on_failure: z
      .enum(['continue', 'hold', 'rollback', 'ask'])
      .optional()
      .describe(
        'What a failed step leads to: `continue` with what does not require it (as Salt, the default), `hold` and leave ' +
          'everything as it is, `rollback` what has been done, or `ask` a person.',
      ),
    max_failures: z
      .union([z.number().int().min(0), z.string()])
      .optional()
      .describe('How many hosts may fail in the whole run: a number, or a share of those it has targeted: `10%`.'),
    on_target_failure: z
      .enum(['stop', 'drop'])
      .optional()
      .describe('A failed host fails its step (`stop`, the default), or the run goes on without that host (`drop`).'),
    files: z
      .enum(['bundle', 'live'])
      .optional()
      .describe(
        'Which files the hosts of the run are given: `bundle`, those of when the run was planned (the default), or `live`, ' +
          'those of when each step runs, as Salt does.',
      ),
    deadline: span.optional().describe('How long a run may take: seconds, or `30m`, `2h`.'),
    approvals: z
      .union([
        z.number().int().min(0),
        z.object({
          count: z.number().int().min(0).default(1),
          expires: span.optional(),
          self: z.boolean().default(false),
        }),
      ])
      .optional()
      .describe(
        'How many people have to agree before the first step; or a mapping of `count`, `expires` (default one hour) and ' +
          '`self` (whether who asked may agree; default no).',
      ),
  }),
  examples: [{ title: 'one at a time, undone when it fails', args: { lock: 'env/prod', on_failure: 'rollback' } }],
};

/** What a run is known by when its options are read. */
export interface RunOptionsContext {
  readonly name: string;
  readonly pillarenv: string | undefined;
  readonly chunks: readonly Chunk[];
  /** Options that whoever asks lays over those of the orchestration, under the same names. */
  readonly override: PyMap | undefined;
}

/** Reads `__run__` of an orchestration; every problem with its place. */
export function readRunOptions(high: HighData, context: RunOptionsContext): Compiled<RunOptions> {
  const body = high.data.get(RUN_KEY);
  const place = high.places.of(high.data, RUN_KEY);
  const kwargs = new Map<string, Value>();
  if (body instanceof PyMap) for (const [key, value] of body) kwargs.set(String(key), value);
  // Marks that every ID gets; they are no options.
  for (const mark of ['__sls__', '__env__']) kwargs.delete(mark);
  for (const [key, value] of context.override ?? []) kwargs.set(String(key), value);
  const placeOf = (option: string): SourceRange | undefined =>
    (body instanceof PyMap ? high.places.of(body, option) : undefined) ?? place;
  const parsed = parseArguments(RUN_OPTIONS, { args: [], kwargs, placeOf });
  const diagnostics = parsed.diagnostics.map((found) =>
    found.source === undefined && place !== undefined ? { ...found, source: place } : found,
  );
  if (parsed.value === undefined) return { value: undefined, diagnostics };
  const given = parsed.value as Given;
  const reader = new Reader(placeOf);
  const options: RunOptions = {
    locks: locksOf(given.lock, context),
    onFailure: given.on_failure ?? 'continue',
    onTargetFailure: given.on_target_failure ?? 'stop',
    ...(given.files === 'live' ? { files: 'live' } : {}),
    ...reader.maxFailures(given.max_failures),
    ...reader.deadline(given.deadline),
    ...reader.approvals(given.approvals),
  };
  const all = [...diagnostics, ...reader.diagnostics];
  return { value: hasErrors(all) ? undefined : options, diagnostics: all };
}

interface Given {
  readonly lock?: string | readonly string[];
  readonly on_failure?: RunOptions['onFailure'];
  readonly on_target_failure?: RunOptions['onTargetFailure'];
  readonly max_failures?: number | string;
  readonly files?: 'bundle' | 'live';
  readonly deadline?: number | string;
  readonly approvals?:
    | number
    | { readonly count: number; readonly expires?: number | string | undefined; readonly self: boolean };
}

/** One deployment at a time in an environment, unless the orchestration says otherwise. */
function locksOf(lock: Given['lock'], { name, pillarenv, chunks }: RunOptionsContext): string[] {
  if (lock !== undefined) return [...new Set(typeof lock === 'string' ? [lock] : lock)];
  const deploys = /(^|\.)deploy/.test(name) || chunks.some(({ state }) => state === 'lb' || state === 'deploy');
  return pillarenv !== undefined && deploys ? [`env/${pillarenv}`] : [];
}

class Reader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #placeOf: (option: string) => SourceRange | undefined;

  constructor(placeOf: (option: string) => SourceRange | undefined) {
    this.#placeOf = placeOf;
  }

  maxFailures(given: Given['max_failures']): Pick<RunOptions, 'maxFailures'> {
    if (given === undefined) return {};
    const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(String(given).trim()) ?? [];
    const amount = Number(digits);
    if (percent === '%' && amount <= 100) return { maxFailures: { share: amount / 100 } };
    if (percent === '' && Number.isInteger(amount)) return { maxFailures: { count: amount } };
    this.#report('max_failures', `max_failures is ${given}`, 'write a number of hosts, or a share such as `10%`');
    return {};
  }

  deadline(given: Given['deadline']): Pick<RunOptions, 'deadlineMs'> {
    const ms = this.#span('deadline', given);
    return ms === undefined ? {} : { deadlineMs: ms };
  }

  approvals(given: Given['approvals']): Pick<RunOptions, 'approvals'> {
    const asked = typeof given === 'number' ? { count: given, expires: undefined, self: false } : given;
    if (asked === undefined || asked.count === 0) return {};
    return {
      approvals: {
        count: asked.count,
        self: asked.self,
        expiresMs: this.#span('approvals', asked.expires) ?? HOUR_MS,
      },
    };
  }

  #span(option: string, given: number | string | undefined): number | undefined {
    if (given === undefined) return undefined;
    const ms = parseDuration(String(given));
    if (ms === undefined) this.#report(option, `${option}: \`${given}\` is no time span`, 'write 90, 5m or 1h30m');
    return ms;
  }

  #report(option: string, summary: string, detail: string): void {
    const source = this.#placeOf(option);
    this.diagnostics.push({
      severity: 'error',
      code: 'EDGE_RUN_OPTIONS',
      summary,
      detail,
      ...(source === undefined ? {} : { source }),
    });
  }
}
