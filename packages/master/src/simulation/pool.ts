import type { Clock } from '@edge-run/shared/kernel';
import {
  type LoadBalancer,
  type LoadBalancerCapabilities,
  MemoryLoadBalancer,
  type PoolMember,
  type WaitOptions,
} from '../loadbalancer/index.ts';

/** How a simulated pool went: how many members it has, and the fewest that took traffic, when that was first so. */
export interface PoolResult {
  readonly members: number;
  readonly lowest: number;
  readonly atMs: number;
}

/** What a pool is made with. */
export interface PoolOptions {
  readonly clock: Clock;
  /** Hosts that are of the same kind as one of them. */
  readonly familyOf: (id: string) => readonly string[];
}

/**
 * A load balancer of a simulation. Nobody has told which hosts it balances: they are those that steps take out or put
 * back, and their families. It is looked at after every change, so that no low point is missed.
 */
export class Pool implements LoadBalancer {
  readonly kind = 'simulated';
  readonly capabilities: LoadBalancerCapabilities;
  readonly #name: string;
  readonly #balancer: MemoryLoadBalancer;
  readonly #options: PoolOptions;
  readonly #members = new Set<string>();
  #mostOut = { out: 0, atMs: 0 };

  /** `ids`: every host there is. */
  constructor(name: string, ids: readonly string[], options: PoolOptions) {
    this.#name = name;
    this.#options = options;
    this.#balancer = new MemoryLoadBalancer({ [name]: ids }, { clock: options.clock, pollMs: 100 });
    this.capabilities = this.#balancer.capabilities;
  }

  /** A step is about that member, or about all that are known when absent. */
  meet(member: string | undefined): void {
    if (member === undefined || this.#members.has(member)) return;
    for (const id of this.#options.familyOf(member)) this.#members.add(id);
  }

  async members(pool: string): Promise<readonly PoolMember[]> {
    const all = await this.#balancer.members(pool);
    return this.#members.size === 0 ? all : all.filter(({ id }) => this.#members.has(id));
  }

  drain(pool: string, member: string, options: WaitOptions): Promise<'drained' | 'deadline'> {
    return this.#changed(this.#balancer.drain(pool, member, options), member);
  }

  disable(pool: string, member: string, options?: { force?: boolean }): Promise<void> {
    return this.#changed(this.#balancer.disable(pool, member, options), member);
  }

  enable(pool: string, member: string, options: WaitOptions): Promise<void> {
    return this.#changed(this.#balancer.enable(pool, member, options), member);
  }

  result(): PoolResult {
    const { out, atMs } = this.#mostOut;
    return { members: this.#members.size, lowest: this.#members.size - out, atMs };
  }

  /** A change shows at once, whatever is waited for then. */
  #changed<T>(work: Promise<T>, member: string): Promise<T> {
    this.meet(member);
    const isOut = (id: string): boolean => this.#balancer.member(this.#name, id).admin !== 'enabled';
    const out = [...this.#members].filter(isOut).length;
    if (out > this.#mostOut.out) this.#mostOut = { out, atMs: this.#options.clock.now() };
    return work;
  }
}
