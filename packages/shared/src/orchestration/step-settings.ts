import { type Compiled, type Diagnostic, hasErrors, parseDuration, type SourceRange } from '../kernel/index.ts';
import { splitMarks } from '../render/index.ts';
import { didYouMean } from '../schema/index.ts';
import {
  bareHighData,
  buildGraph,
  type Chunk,
  type CompileCatalog,
  compile,
  type Plan,
  type StepKey,
} from '../state/index.ts';
import { PyMap, type Value } from '../values/index.ts';

/** Words of a step that are for the run and not for the step's kind. */
export const STEP_WORDS: ReadonlySet<string> = new Set(['register', 'undo', 'on_failure', 'deadline']);

/** What a step says to the run. Plain data, kept with the plan. */
export interface StepSettings {
  /** Name under which later steps find the result: `{{ steps.NAME.result }}`. */
  readonly register?: string;
  /** What a failure of this step leads to; as the run says when absent. */
  readonly onFailure?: 'continue' | 'hold' | 'rollback' | 'ask';
  /** Milliseconds after which the step is given up. */
  readonly deadlineMs?: number;
  /** Keys of the steps of `StepPlan.undo` that undo this one, in order; empty: it is kept on purpose. */
  readonly undo?: readonly StepKey[];
}

/** A plan with what its steps say to the run. */
export interface StepPlan {
  readonly plan: Plan;
  readonly settings: Readonly<Record<StepKey, StepSettings>>;
  /** Steps that undo others; they run only in a rollback. */
  readonly undo: Plan;
}

/** Reads the words of steps and compiles what undoes them; every problem with the step's place. */
export function planSteps(plan: Plan, catalog: CompileCatalog): Compiled<StepPlan> {
  const reader = new Reader(catalog);
  const settings: Record<StepKey, StepSettings> = {};
  for (const chunk of plan.chunks) {
    const found = reader.settings(chunk);
    if (Object.keys(found).length > 0) settings[chunk.key] = found;
  }
  const ordered = reader.requireRegistered(plan, settings);
  const { diagnostics } = reader;
  const value = { plan: ordered, settings, undo: { chunks: reader.undo } };
  return { value: hasErrors(diagnostics) ? undefined : value, diagnostics };
}

class Reader {
  readonly diagnostics: Diagnostic[] = [];
  readonly undo: Chunk[] = [];
  readonly #catalog: CompileCatalog;

  constructor(catalog: CompileCatalog) {
    this.#catalog = catalog;
  }

  settings(chunk: Chunk): StepSettings {
    const words = chunk.stepWords ?? new PyMap();
    const settings: { -readonly [word in keyof StepSettings]: StepSettings[word] } = {};
    const register = words.get('register');
    if (typeof register === 'string' && /^[A-Za-z_]\w*$/.test(register)) settings.register = register;
    else if (register !== undefined)
      this.#report(chunk, `register: ${show(register)} is no name`, 'use letters, digits and _: `register: build`');
    const onFailure = words.get('on_failure');
    if (onFailure === 'continue' || onFailure === 'hold' || onFailure === 'rollback' || onFailure === 'ask')
      settings.onFailure = onFailure;
    else if (onFailure !== undefined)
      this.#report(chunk, `on_failure: ${show(onFailure)}`, 'one of continue, hold, rollback, ask');
    const deadline = words.get('deadline');
    const deadlineMs =
      typeof deadline === 'string' || typeof deadline === 'number' ? parseDuration(String(deadline)) : undefined;
    if (deadlineMs !== undefined && deadlineMs > 0) settings.deadlineMs = deadlineMs;
    else if (deadline !== undefined)
      this.#report(chunk, `deadline: ${show(deadline)} is no time span`, 'write seconds, or 5m, 1h30m');
    const undo = words.get('undo');
    if (undo !== undefined) settings.undo = this.#undoOf(chunk, undo);
    return settings;
  }

  /** Lets every step that uses a registered result require the step that registers it. */
  requireRegistered(plan: Plan, settings: Readonly<Record<StepKey, StepSettings>>): Plan {
    const owners = new Map<string, Chunk>();
    for (const chunk of plan.chunks) {
      const name = settings[chunk.key]?.register;
      if (name === undefined) continue;
      const other = owners.get(name);
      if (other !== undefined)
        this.#report(chunk, `register: ${name} is taken by ${other.id}`, 'a name stands for one step');
      owners.set(name, chunk);
    }
    const chunks = plan.chunks.map((chunk) => this.#withOwners(chunk, [chunk], owners));
    // Steps that undo may use everything: they run when all of it has been said.
    for (const chunk of this.undo) this.#withOwners(chunk, [chunk], owners);
    const result = { chunks };
    for (const [first] of buildGraph(result).cycles) {
      const chunk = buildGraph(result).nodes[first!]!.chunk;
      this.#report(chunk, `${chunk.id} uses a result that depends on ${chunk.id} itself`, 'take one of the uses out');
    }
    return result;
  }

  #withOwners(chunk: Chunk, parts: readonly Chunk[], owners: ReadonlyMap<string, Chunk>): Chunk {
    const required = new Set<StepKey>();
    for (const name of parts.flatMap(registersUsed)) {
      const owner = owners.get(name);
      if (owner === undefined) {
        const known = [...owners.keys()];
        const detail = didYouMean(name, known) || `registered names: ${known.join(', ') || 'none'}`;
        this.#report(chunk, `no step registers \`${name}\`, which ${chunk.id} uses`, detail, 'EDGE_UNKNOWN_REGISTER');
      } else if (!chunk.requisites.some(({ targets }) => targets.includes(owner.key))) required.add(owner.key);
    }
    if (required.size === 0) return chunk;
    const require = { kind: 'require', quantifier: 'all', targets: [...required] } as const;
    return { ...chunk, requisites: [...chunk.requisites, require] };
  }

  /** `undo: {lb.enable: […]}`, a list of such, or `none` for what is meant to stay. */
  #undoOf(chunk: Chunk, undo: Value): readonly StepKey[] {
    if (undo === false || undo === null || undo === 'none') return [];
    const entries = Array.isArray(undo) ? undo : [undo];
    return entries.flatMap((entry, index) => {
      const calls: [Value, Value][] =
        entry instanceof PyMap ? [...entry] : typeof entry === 'string' ? [[entry, []]] : [];
      if (calls.length === 0)
        this.#report(
          chunk,
          `undo: ${show(entry)} is no step`,
          'write `- undo:` and below it `lb.enable:` with arguments',
        );
      return calls.flatMap(([name, args], place) => this.#undoStep(chunk, `${index + place}`, String(name), args));
    });
  }

  #undoStep(chunk: Chunk, part: string, name: string, args: Value): readonly StepKey[] {
    const [state = '', fun = ''] = name.split('.');
    const id = part === '0' ? `undo ${chunk.id}` : `undo ${chunk.id} ${part}`;
    const list = args instanceof PyMap ? [...args].map(([key, value]) => new PyMap([[key, value]])) : args;
    if (!Array.isArray(list)) {
      this.#report(chunk, `undo: the arguments of ${name} are ${show(args)}`, 'write them as those of a step');
      return [];
    }
    const named = list.some((item) => item instanceof PyMap && item.has('name'));
    const items = [...list, ...(named ? [] : [new PyMap([['name', chunk.name]])]), fun];
    const body = new PyMap([
      ['__sls__', chunk.sls],
      ['__env__', chunk.env],
      [state, items],
    ]);
    const compiled = compile(bareHighData(new PyMap([[id, body]])), this.#catalog);
    for (const found of compiled.diagnostics)
      this.diagnostics.push({ ...found, ...(chunk.place === undefined ? {} : { source: chunk.place }) });
    const steps = (compiled.value?.chunks ?? []).map((step) => ({
      ...step,
      order: this.undo.length,
      ...(chunk.place === undefined ? {} : { place: chunk.place }),
    }));
    this.undo.push(...steps);
    return steps.map(({ key }) => key);
  }

  #report(chunk: Chunk, summary: string, detail: string, code: Diagnostic['code'] = 'EDGE_RUN_OPTIONS'): void {
    const source: SourceRange | undefined = chunk.place;
    this.diagnostics.push({
      severity: 'error',
      code,
      summary: `${chunk.id}: ${summary}`,
      detail,
      ...(source === undefined ? {} : { source }),
    });
  }
}

/** Names of the registered results that a step uses. */
function registersUsed(chunk: Chunk): readonly string[] {
  const names = new Set<string>();
  const look = (value: Value): void => {
    if (typeof value === 'string') {
      for (const part of splitMarks(value)) {
        if (!('expression' in part)) continue;
        for (const [, dotted, quoted] of part.expression.matchAll(/\bsteps(?:\.(\w+)|\[['"]([^'"]+)['"]\])/g))
          names.add((dotted ?? quoted)!);
      }
    } else if (Array.isArray(value)) for (const item of value) look(item);
    else if (value instanceof PyMap) for (const item of value.values()) look(item);
  };
  look(chunk.args);
  look(chunk.name);
  for (const guard of Object.values(chunk.guards)) look(guard as Value);
  return [...names];
}

function show(value: Value): string {
  return typeof value === 'string' ? `\`${value}\`` : Array.isArray(value) ? 'a list' : String(value);
}
