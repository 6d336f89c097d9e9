import type { HeardCall } from '@edge-run/shared/execute';
import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { Catalog } from '@edge-run/shared/modules/contract';
import { keywords, positional, targetOf } from '@edge-run/shared/orchestration';
import type { PlannedCall, RenderingCall } from '@edge-run/shared/protocol';
import { parseArguments } from '@edge-run/shared/schema';
import { encodeValue, type Redactor, type Value } from '@edge-run/shared/values';
import type { SelectHosts } from './fleet.ts';
import type { KnownCalls } from './ports.ts';

/** What of a function is known before it is called. */
interface Call {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
}

/** What calls are judged with. */
interface RenderingParts {
  readonly select: SelectHosts;
  readonly calls: KnownCalls | undefined;
  /** Knows the secrets that templates see. */
  readonly redactor: Redactor;
}

/** Functions that read what the master has in its memory or its files: nobody is asked anything. */
const OWN = /^(config|cp|defaults|grains|hashutil|log|match|pillar|random|slsutil|sys|test)\./;
/** Shell commands: templates look with them at what no function tells. */
const COMMANDS = /^cmd\./;
/** Functions of the master: some of them only look. */
const OF_THE_MASTER = /^saltutil\.(runner|wheel)$/;
const HTTP = /^http\./;
const LOOKING_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The calls that rendering makes for a plan, in order. A call of an orchestration's own templates that is known to change
 * something is refused before it is made; commands are made, as those of guards are, and named as unknown.
 */
export class RenderingCalls {
  readonly #functions: Catalog['functions'];
  readonly #parts: RenderingParts;
  readonly #heard: { readonly call: RenderingCall; readonly target: PlannedCall['target'] }[] = [];

  constructor(functions: Catalog['functions'], parts: RenderingParts) {
    this.#functions = functions;
    this.#parts = parts;
  }

  /** Hears a call of the orchestration. @throws EdgeError `EDGE_PLAN_CHANGES` for one that would change something */
  hearOwn(call: HeardCall): void {
    if (this.#note(call, 'orchestration') === 'changes') throw refused(call.name);
  }

  /** Hears a call of the pillar, which is compiled for others too: whatever it does, it does anyway. */
  hearPillar(call: HeardCall): void {
    this.#note(call, 'pillar');
  }

  /** What was heard, and whom targets select. */
  async list(): Promise<readonly RenderingCall[]> {
    const known = new Map<string, Promise<readonly string[]>>();
    const hostsOf = ({ expr, type }: NonNullable<PlannedCall['target']>): Promise<readonly string[]> => {
      const key = `${type}\n${expr}`;
      // A target that cannot be read has failed the template already.
      const found = known.get(key) ?? this.#parts.select(expr, type).catch(() => []);
      known.set(key, found);
      return found;
    };
    return Promise.all(
      this.#heard.map(async ({ call, target }) =>
        target === undefined ? call : { ...call, target, hosts: [...(await hostsOf(target))].sort() },
      ),
    );
  }

  #note({ name, args, kwargs, place }: HeardCall, by: RenderingCall['by']): Effect {
    const asked = this.#boundTo({ fun: name, args, kwargs });
    const effect = this.#effectOf(asked.call);
    if (effect === 'nothing' && asked.target === undefined && OWN.test(name)) return effect;
    const shown = (value: Value): JsonValue => encodeValue(this.#parts.redactor.value(value));
    const call: RenderingCall = {
      by,
      to: asked.target === undefined ? 'master' : 'hosts',
      fun: asked.call.fun,
      args: asked.call.args.map(shown),
      kwargs: Object.fromEntries([...asked.call.kwargs].map(([key, value]) => [key, shown(value)])),
      effect: effect === 'nothing' ? 'nothing' : 'unknown',
      ...(place === undefined ? {} : { place: { file: place.file, line: place.line } }),
      ...(effect === 'nothing' ? {} : { why: 'what it does, it did for this plan too' }),
    };
    this.#heard.push({ call, target: asked.target });
    return effect;
  }

  /** What is called, and where: `saltutil.cmd` calls a function of other hosts. */
  #boundTo(call: Call): { readonly call: Call; readonly target?: NonNullable<PlannedCall['target']> } {
    if (call.fun !== 'saltutil.cmd') return { call };
    const given = this.#argumentsOf(call);
    if (given === undefined) return { call };
    const { tgt, tgt_type, fun, arg, kwarg } = given as Record<string, Value>;
    const { target, targetType } = targetOf({ tgt: tgt as string | string[], tgt_type: String(tgt_type) });
    return {
      call: { fun: String(fun), args: positional(arg), kwargs: keywords(kwarg) },
      target: { expr: target, type: targetType },
    };
  }

  #effectOf(call: Call): Effect {
    const module = this.#functions.get(call.fun);
    if (module === undefined || module.access === 'read') return 'nothing';
    if (COMMANDS.test(call.fun)) return 'unknown';
    const [, kind] = OF_THE_MASTER.exec(call.fun) ?? [];
    if (kind !== undefined) {
      const name = String(this.#argumentsOf(call)?.name);
      return this.#parts.calls?.[kind as 'runner' | 'wheel'].onlyLooks(name) === true ? 'nothing' : 'changes';
    }
    if (!HTTP.test(call.fun)) return 'changes';
    const method = this.#argumentsOf(call)?.method;
    return LOOKING_METHODS.has(String(method ?? 'GET').toUpperCase()) ? 'nothing' : 'changes';
  }

  /** Undefined where the function does not take them: the call fails by itself. */
  #argumentsOf({ fun, args, kwargs }: Call): Readonly<Record<string, unknown>> | undefined {
    const module = this.#functions.get(fun);
    return module && (parseArguments(module, { args, kwargs }).value as Record<string, unknown> | undefined);
  }
}

type Effect = 'nothing' | 'unknown' | 'changes';

function refused(fun: string): EdgeError {
  return new EdgeError(
    'EDGE_PLAN_CHANGES',
    `\`${fun}\` would change something while the orchestration renders, so no plan can be made`,
    { function: fun },
    { hint: 'Make it a step (salt.function), so that a plan can show it and a run journals it.' },
  );
}
