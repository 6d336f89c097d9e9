import { type Compiled, DiagnosticsError, type JsonValue, Secret } from '@edge-run/shared/kernel';
import type { StepSettings } from '@edge-run/shared/orchestration';
import type { StepReturn } from '@edge-run/shared/protocol';
import { type RenderedText, splitMarks } from '@edge-run/shared/render';
import { type Chunk, type Guards, isLate, type StepKey } from '@edge-run/shared/state';
import { decodeValue, fromPlain, PyMap, type Value } from '@edge-run/shared/values';

/** What has been registered so far. */
export interface Registered {
  readonly settings: Readonly<Record<StepKey, StepSettings>>;
  readonly answers: ReadonlyMap<StepKey, StepReturn>;
  /** Results an earlier run registered. */
  readonly inherited: Readonly<Record<string, JsonValue>>;
}

/**
 * `steps` as late-rendered arguments see it: name → `{ok, result, changes, comment, hosts}`. `result` is what the step
 * answered: id → return for steps with targets, the return of a runner, what an ordinary state found out, or else its
 * changes; `only` is the return of the one host of a step that has one.
 */
export function registeredValues({ settings, answers, inherited }: Registered): PyMap {
  const steps = new PyMap(Object.entries(inherited).map(([name, value]) => [name, decodeValue(value)]));
  for (const [key, { register }] of Object.entries(settings)) {
    const answer = register === undefined ? undefined : answers.get(key);
    if (answer !== undefined) steps.set(register!, resultOf(answer));
  }
  return steps;
}

function resultOf(answer: StepReturn): PyMap {
  const changes = decodeValue(answer.changes);
  const hosts = Object.entries(answer.hosts ?? {}).flatMap(([id, { ret }]): [string, Value][] =>
    ret === undefined ? [] : [[id, decodeValue(ret)]],
  );
  const returned = changes instanceof PyMap ? changes.get('return') : undefined;
  const found = answer.data === undefined ? (returned ?? changes) : decodeValue(answer.data);
  const result = answer.hosts === undefined ? found : new PyMap(hosts);
  return new PyMap([
    ['ok', answer.result !== false],
    ['result', result],
    ['changes', changes],
    ['comment', answer.comment],
    ['hosts', new PyMap(hosts)],
    ...(hosts.length === 1 ? ([['only', hosts[0]![1]]] as const) : []),
  ]);
}

/** Renders a template text with the registered results in it. */
export type RenderLate = (text: string) => Promise<Compiled<RenderedText>>;

/**
 * The step with every value filled in that was not known when it was planned. A value that is one expression keeps the
 * type of what it answers.
 *
 * @throws DiagnosticsError when an expression cannot be rendered: a result that is not there
 */
export async function fillLate(chunk: Chunk, render: RenderLate): Promise<Chunk> {
  const fill = (value: Value): Promise<Value> => fillValue(value, render);
  const guards = Object.entries(chunk.guards as Readonly<Record<string, Value>>);
  if (![chunk.args, chunk.name, ...guards.map(([, value]) => value)].some(isLate)) return chunk;
  const filled: Record<string, Value> = {};
  for (const [guard, value] of guards) filled[guard] = await fill(value);
  return {
    ...chunk,
    name: await fill(chunk.name),
    args: (await fill(chunk.args)) as PyMap,
    guards: filled as Guards,
  };
}

async function fillValue(value: Value, render: RenderLate): Promise<Value> {
  if (!isLate(value)) return value;
  if (typeof value === 'string') return fillText(value, render);
  if (value instanceof Secret) {
    const filled = await fillText(value.reveal(), render);
    return typeof filled === 'string' ? new Secret(filled, 'text', value.revealParts()) : filled;
  }
  if (Array.isArray(value)) return Promise.all(value.map((item) => fillValue(item, render)));
  const filled = new PyMap();
  for (const [key, item] of value as PyMap) filled.set(key, await fillValue(item, render));
  return filled;
}

async function fillText(text: string, render: RenderLate): Promise<Value> {
  const parts = splitMarks(text);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'expression' in only) {
    const json = rendered(await render(`{{ (${only.expression}) | tojson }}`));
    return fromPlain(JSON.parse(json));
  }
  const pieces = await Promise.all(
    parts.map(async (part) => ('text' in part ? part.text : rendered(await render(`{{ ${part.expression} }}`)))),
  );
  return pieces.join('');
}

function rendered({ value, diagnostics }: Compiled<RenderedText>): string {
  if (value === undefined) throw new DiagnosticsError(diagnostics);
  return value.text;
}

/** Values that are not there yet as people read them: `{{ steps.build.result }}`. */
export function shownLate(text: string): string {
  return splitMarks(text)
    .map((part) => ('text' in part ? part.text : `{{ ${part.expression} }}`))
    .join('');
}
