import type { Clock } from '@edge-run/shared/kernel';

/** What an operator has decided about a member: takes traffic, takes no new traffic, takes none. */
export type AdminState = 'enabled' | 'draining' | 'disabled';

/** What the load balancer itself thinks of a member; `unknown` where it does not look. */
export type MemberHealth = 'up' | 'down' | 'checking' | 'unknown';

/** A server of a pool. Where several processes share the pool, the most open `admin` and the worst `health` of them. */
export interface PoolMember {
  readonly id: string;
  /** `address:port`, as far as the load balancer says it. */
  readonly address: string;
  readonly admin: AdminState;
  readonly health: MemberHealth;
  /** Open and queued sessions over all processes; null where the load balancer does not count. */
  readonly sessions: number | null;
}

/** What a load balancer can do, so that a plan can say what it will not. */
export interface LoadBalancerCapabilities {
  /** It counts sessions: a drain ends when they are gone. Otherwise a drain always waits for its deadline. */
  readonly countsSessions: boolean;
  /** `disable` with `force` cuts the sessions that are still open. */
  readonly cutsSessions: boolean;
  /** A member that drains still gets clients bound to it (by cookie, for instance); only `disable` keeps them away. */
  readonly drainAdmitsBoundClients: boolean;
  /** Admin states survive a reload of the load balancer's configuration. */
  readonly keepsStateOverReload: boolean;
}

/** Bounds of a wait. */
export interface WaitOptions {
  /** How long to wait, in milliseconds from the call. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Takes servers out of a pool and puts them back. Every method may be repeated: a state that is already there is
 * success. @throws EdgeError `EDGE_LB_UNKNOWN_POOL`, `EDGE_LB_UNKNOWN_MEMBER`, `EDGE_LB_REFUSED`,
 * `EDGE_LB_UNREACHABLE`, `EDGE_CANCELLED`
 */
export interface LoadBalancer {
  readonly kind: string;
  readonly capabilities: LoadBalancerCapabilities;
  /** The members of a pool in the load balancer's own order. */
  members(pool: string, signal?: AbortSignal): Promise<readonly PoolMember[]>;
  /**
   * Stops new sessions; resolves when the open ones are gone, or with `deadline` when they are not in time (the
   * member goes on draining). A member that is disabled stays so: only its sessions are waited for.
   */
  drain(pool: string, member: string, options: WaitOptions): Promise<'drained' | 'deadline'>;
  /** Keeps all traffic away. Sessions that are open stay, unless `force` cuts them. */
  disable(pool: string, member: string, options?: { force?: boolean; signal?: AbortSignal }): Promise<void>;
  /** Lets traffic in and resolves once health is up. @throws EdgeError `EDGE_LB_MEMBER_NOT_UP` with the last check */
  enable(pool: string, member: string, options: WaitOptions): Promise<void>;
}

/** How drivers wait: whose time, and how long between two looks. */
export interface PollOptions {
  readonly clock: Clock;
  /** Milliseconds between two looks. */
  readonly pollMs: number;
}
