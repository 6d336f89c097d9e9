import { systemClock } from '@edge-run/shared/kernel';
import { memberNotUp, unknownMember, unknownPool } from './errors.ts';
import type {
  AdminState,
  LoadBalancer,
  LoadBalancerCapabilities,
  MemberHealth,
  PollOptions,
  PoolMember,
  WaitOptions,
} from './loadbalancer.ts';
import { poll } from './wait.ts';

/** A member one can play with: what the world does to it is set, what an operator does comes through the port. */
export interface MemoryMember {
  health: MemberHealth;
  sessions: number;
  readonly address: string;
  /** Read-only for the world: only the port changes it. */
  readonly admin: AdminState;
}

/** A load balancer without a network, for tests and simulations. Strict: what it does not know is an error. */
export class MemoryLoadBalancer implements LoadBalancer {
  readonly kind = 'memory';
  readonly capabilities: LoadBalancerCapabilities = {
    countsSessions: true,
    cutsSessions: true,
    drainAdmitsBoundClients: true,
    keepsStateOverReload: true,
  };
  /** Every change made through the port, in order: `disable web/app1`. Repeated ones are listed too. */
  readonly calls: string[] = [];
  readonly #pools = new Map<string, Map<string, Writable>>();
  readonly #poll: PollOptions;

  constructor(pools: Readonly<Record<string, readonly string[]>>, options: Partial<PollOptions> = {}) {
    this.#poll = { clock: options.clock ?? systemClock, pollMs: options.pollMs ?? 20 };
    for (const [pool, ids] of Object.entries(pools)) {
      const entries = ids.map(
        (id, index) =>
          [id, { admin: 'enabled', health: 'up', sessions: 0, address: `192.0.2.${index + 1}:80` }] as const,
      );
      this.#pools.set(pool, new Map(entries.map(([id, member]) => [id, { ...member }])));
    }
  }

  /** The member's dials. @throws EdgeError when there is none */
  member(pool: string, id: string): MemoryMember {
    return this.#member(pool, id);
  }

  async members(pool: string): Promise<readonly PoolMember[]> {
    return [...this.#pool(pool)].map(([id, { address, admin, health, sessions }]) => ({
      id,
      address,
      admin,
      health: admin === 'disabled' ? 'unknown' : health,
      sessions,
    }));
  }

  async drain(pool: string, id: string, options: WaitOptions): Promise<'drained' | 'deadline'> {
    const member = this.#member(pool, id);
    this.calls.push(`drain ${pool}/${id}`);
    if (member.admin === 'enabled') member.admin = 'draining';
    const done = await poll(
      async () => (member.sessions === 0 ? ('drained' as const) : undefined),
      options,
      this.#poll,
    );
    return done ?? 'deadline';
  }

  async disable(pool: string, id: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    const member = this.#member(pool, id);
    this.calls.push(`${force ? 'disable --force' : 'disable'} ${pool}/${id}`);
    member.admin = 'disabled';
    if (force) member.sessions = 0;
  }

  async enable(pool: string, id: string, options: WaitOptions): Promise<void> {
    const member = this.#member(pool, id);
    this.calls.push(`enable ${pool}/${id}`);
    member.admin = 'enabled';
    const up = await poll(async () => (member.health === 'up' ? true : undefined), options, this.#poll);
    if (up) return;
    throw memberNotUp(pool, id, `\`${member.health}\``, { health: member.health }, 'Set its health to `up`.');
  }

  #pool(pool: string): Map<string, Writable> {
    const members = this.#pools.get(pool);
    if (members === undefined) throw unknownPool('the memory load balancer', pool, [...this.#pools.keys()]);
    return members;
  }

  #member(pool: string, id: string): Writable {
    const members = this.#pool(pool);
    const member = members.get(id);
    if (member === undefined) throw unknownMember('the memory load balancer', pool, id, [...members.keys()]);
    return member;
  }
}

type Writable = { -readonly [K in keyof MemoryMember]: MemoryMember[K] };
