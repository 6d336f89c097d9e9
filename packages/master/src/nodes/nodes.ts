import { type Compiled, EdgeError, type InstantMs, requireCompiled } from '@edge-run/shared/kernel';
import {
  exactPillars,
  explainMatch,
  type MatchReason,
  type ParseTargetOptions,
  parseTarget,
  type Selection,
  selectTargets,
  type TargetContext,
  type TargetSubject,
} from '@edge-run/shared/target';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { FactsStore } from './facts-store.ts';

/** How a host is reached. */
export type NodeKind = 'minion' | 'ssh';

/** Where the hosts, their facts and their pillars come from. */
export interface NodesOptions {
  /** Ids of the accepted minions. */
  minions(): readonly string[];
  isMinion(id: string): boolean;
  /** Ids of the roster's hosts, with the grains the roster gives them. */
  sshHosts(): ReadonlyMap<string, PyMap>;
  readonly facts: FactsStore;
  /** Name → compound target, or its words or ids as a list. */
  nodegroups(): Readonly<Record<string, string | readonly string[]>>;
  /** What the join token of a minion says it is for: no host says that of itself. */
  roleOf(id: string): string | undefined;
  /** Compiles a host's pillar, for targets that look into it. */
  pillarOf(id: string): Promise<Compiled<PyMap>>;
}

/**
 * What a target may look into: whole pillars; pillars by exact values only, because whoever may guess with patterns
 * reads other hosts' secrets letter by letter (Salt 3006, `_mine_get`); or no pillars, where one is just being compiled.
 */
export type PillarUse = 'all' | 'exact' | 'none';

/** Every host that can be a target, and who a target expression means. */
export class Nodes {
  readonly #options: NodesOptions;

  constructor(options: NodesOptions) {
    this.#options = options;
  }

  /** Every id, sorted. A minion wins over a roster host of the same id. */
  ids(): readonly string[] {
    return [...new Set([...this.#options.minions(), ...this.#options.sshHosts().keys()])].sort();
  }

  kindOf(id: string): NodeKind | undefined {
    if (this.#options.isMinion(id)) return 'minion';
    return this.#options.sshHosts().has(id) ? 'ssh' : undefined;
  }

  /** What the host told of itself, under what its roster says. */
  factsOf(id: string): PyMap {
    const told = this.#options.facts.get(id) ?? new PyMap();
    const role = this.#options.roleOf(id);
    const given: [Value, Value][] = role === undefined ? [] : [['role', role]];
    return new PyMap([['id', id], ...told, ...(this.#options.sshHosts().get(id) ?? []), ...given]);
  }

  async setFacts(id: string, facts: PyMap): Promise<void> {
    await this.#options.facts.set(id, facts);
  }

  hasFacts(id: string): boolean {
    return this.#options.facts.get(id) !== undefined;
  }

  /** When the host last told its facts; undefined when it never did. */
  factsAsOf(id: string): InstantMs | undefined {
    return this.#options.facts.asOf(id);
  }

  /** Forgets what a host told: it is none of ours any more. */
  async forget(id: string): Promise<void> {
    await this.#options.facts.delete(id);
  }

  /** @throws DiagnosticsError on bad syntax, an unknown nodegroup, or a pillar that does not compile where one is needed */
  select(
    expression: string | readonly string[],
    type: string,
    { pillars = 'all', delimiter }: { readonly pillars?: PillarUse; readonly delimiter?: string | undefined } = {},
  ): Promise<Selection<TargetSubject>> {
    return this.#selectAmong(this.ids(), expression, type, pillars, delimiter);
  }

  /** For every host, why the expression means it or not, sorted by id. @throws as `select` */
  async explain(
    expression: string | readonly string[],
    type: string,
    delimiter?: string,
  ): Promise<readonly { readonly id: string; readonly reason: MatchReason }[]> {
    const subjects = await this.#subjects(this.ids(), looksIntoPillar(expression, type), 'all');
    const context = this.#context(delimiter);
    const target = requireCompiled(parseTarget(expression, type, context));
    return subjects.map((subject) => ({ id: subject.id, reason: explainMatch(target, subject, context) }));
  }

  /** Whether a target selects one host. @throws as `select` */
  async matches(
    id: string,
    expression: string | readonly string[],
    type: string,
    pillars: PillarUse,
  ): Promise<boolean> {
    return (await this.#selectAmong([id], expression, type, pillars)).matched.length > 0;
  }

  async #selectAmong(
    ids: readonly string[],
    expression: string | readonly string[],
    type: string,
    pillars: PillarUse,
    delimiter?: string,
  ): Promise<Selection<TargetSubject>> {
    const withPillars = pillars !== 'none' && looksIntoPillar(expression, type);
    const subjects = await this.#subjects(ids, withPillars, pillars);
    const rewrite = pillars === 'exact' ? { rewrite: exactPillars } : {};
    return requireCompiled(selectTargets(expression, type, subjects, { ...this.#context(delimiter), ...rewrite }));
  }

  #subjects(ids: readonly string[], withPillars: boolean, pillars: PillarUse): Promise<readonly TargetSubject[]> {
    return Promise.all(ids.map((id) => this.#subject(id, withPillars, pillars)));
  }

  #context(delimiter: string | undefined): TargetContext & ParseTargetOptions {
    const nodegroups = this.#options.nodegroups();
    return delimiter === undefined ? { nodegroups } : { nodegroups, delimiter };
  }

  async #subject(id: string, withPillar: boolean, pillars: PillarUse): Promise<TargetSubject> {
    const grains = this.factsOf(id);
    if (pillars === 'none') return pillarless(id, grains);
    return { id, grains, pillar: withPillar ? requireCompiled(await this.#options.pillarOf(id)) : new PyMap() };
  }
}

/** Looking into its pillar is the error, not the target that might. */
function pillarless(id: string, grains: PyMap): TargetSubject {
  return {
    id,
    grains,
    get pillar(): PyMap {
      throw new EdgeError(
        'EDGE_NOT_SUPPORTED',
        'a pillar cannot choose hosts by their pillars, which wait for it',
        {},
        { hint: 'Choose by id, grain or address.' },
      );
    },
  };
}

/** Compiling every pillar is dear: only where the expression may ask for one. */
function looksIntoPillar(expression: string | readonly string[], type: string): boolean {
  if (type.startsWith('pillar')) return true;
  if (type !== 'compound' && type !== 'nodegroup') return false;
  return (
    type === 'nodegroup' ||
    /(^|[\s(])[IJ](\W)?@|N@/.test(typeof expression === 'string' ? expression : expression.join(' '))
  );
}
