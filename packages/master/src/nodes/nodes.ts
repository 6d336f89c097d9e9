import { type Compiled, requireCompiled } from '@edge-run/shared/kernel';
import {
  explainMatch,
  type MatchReason,
  parseTarget,
  type Selection,
  selectTargets,
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
  /** Ids of the roster's hosts, with the grains the roster gives them. */
  sshHosts(): ReadonlyMap<string, PyMap>;
  readonly facts: FactsStore;
  readonly nodegroups: Readonly<Record<string, string>>;
  /** What the join token of a minion says it is for: no host says that of itself. */
  roleOf(id: string): string | undefined;
  /** Compiles a host's pillar, for targets that look into it. */
  pillarOf(id: string): Promise<Compiled<PyMap>>;
}

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
    if (this.#options.minions().includes(id)) return 'minion';
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

  /** @throws DiagnosticsError on bad syntax, an unknown nodegroup, or a pillar that does not compile where one is needed */
  async select(
    expression: string | readonly string[],
    type: string,
    delimiter?: string,
  ): Promise<Selection<TargetSubject>> {
    const subjects = await this.#subjects(expression, type);
    return requireCompiled(selectTargets(expression, type, subjects, this.#context(delimiter)));
  }

  /** For every host, why the expression means it or not, sorted by id. @throws as `select` */
  async explain(
    expression: string | readonly string[],
    type: string,
    delimiter?: string,
  ): Promise<readonly { readonly id: string; readonly reason: MatchReason }[]> {
    const subjects = await this.#subjects(expression, type);
    const context = this.#context(delimiter);
    const target = requireCompiled(parseTarget(expression, type, context));
    return subjects.map((subject) => ({ id: subject.id, reason: explainMatch(target, subject, context) }));
  }

  #subjects(expression: string | readonly string[], type: string): Promise<readonly TargetSubject[]> {
    return Promise.all(this.ids().map((id) => this.#subject(id, looksIntoPillar(expression, type))));
  }

  #context(delimiter: string | undefined): { nodegroups: Readonly<Record<string, string>>; delimiter?: string } {
    const { nodegroups } = this.#options;
    return delimiter === undefined ? { nodegroups } : { nodegroups, delimiter };
  }

  async #subject(id: string, withPillar: boolean): Promise<TargetSubject> {
    const pillar = withPillar ? requireCompiled(await this.#options.pillarOf(id)) : new PyMap();
    return { id, grains: this.factsOf(id), pillar };
  }
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
