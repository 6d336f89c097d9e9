import type { Clock, InstantMs, Logger } from '@edge-run/shared/kernel';
import type { ForeseenStep, HostResult, RunOfJob, StepDeclaration } from '@edge-run/shared/protocol';
import type { StateReturn, StepKey } from '@edge-run/shared/state';
import type { PyMap } from '@edge-run/shared/values';
import type { z } from 'zod';
import type { Dispatcher } from '../jobs/index.ts';
import type { Reservations } from '../leases/index.ts';
import type { LoadBalancer } from '../loadbalancer/index.ts';
import type { Foresight } from './foresight.ts';
import type { EventWaiter, PlannableCalls, WheelCalls } from './ports.ts';

/** What a step is allowed to reach. */
export interface StepPorts {
  readonly jobs: Dispatcher;
  readonly runners: PlannableCalls;
  readonly wheels: WheelCalls;
  readonly events: EventWaiter;
  /** The load balancer a pillar declares under `load_balancers:<name>`. @throws EdgeError `EDGE_UNKNOWN_LOAD_BALANCER` */
  balancer(name: string, pillar: PyMap): Promise<ReachedBalancer>;
  /** Members of load balancers that some step of some run is about to take out. */
  readonly reservations: Pick<Reservations, 'take' | 'giveBack'>;
  /** Resolves once `count` people have agreed to the step. @throws EdgeError `EDGE_APPROVAL_REJECTED` */
  approved(run: string, step: StepKey, options: ApprovalOptions, signal: AbortSignal): Promise<readonly string[]>;
  /** The returners of the master, name → type; undefined where nothing is told to any, as in a simulation. */
  readonly returners: ReadonlyMap<string, string> | undefined;
  /** True for a host of the roster, which is reached over SSH. */
  isRosterHost(id: string): boolean;
  /** What the hosts told of themselves, and the groups that targets name. */
  readonly fleet: {
    factsOf(id: string): PyMap;
    readonly nodegroups: Readonly<Record<string, string | readonly string[]>>;
  };
  readonly clock: Clock;
}

/** A load balancer, and the pool of it that a name of a pillar stands for. */
export interface ReachedBalancer {
  readonly balancer: LoadBalancer;
  readonly pool: string;
  /** The same for every run and master that means these servers. */
  readonly id: string;
}

/** Whose agreement counts. */
export interface ApprovalOptions {
  readonly count: number;
  /** Whether who started the run may agree. */
  readonly self: boolean;
}

/** The run a step belongs to. */
export interface RunIdentity {
  readonly id: string;
  /** What its jobs say of the run. */
  readonly ofJob: RunOfJob;
  readonly pillar: PyMap;
  readonly saltenv: string;
  readonly pillarenv: string | undefined;
  readonly testing: boolean;
  /** Hosts that failed before and that the run goes on without. */
  readonly dropped: ReadonlySet<string>;
}

/** One execution of one step. */
export interface StepContext {
  readonly run: RunIdentity;
  readonly step: StepKey;
  /** The only hosts left to do: the others were done by an earlier attempt. Undefined: all of the target. */
  readonly onlyHosts: readonly string[] | undefined;
  /** The same for the same step and attempt after any crash, so that hosts answer a repeated job from their store. */
  readonly jid: string;
  /** When this attempt started first, whichever master that was; undefined where it is not known. */
  readonly startedAt: InstantMs | undefined;
  /**
   * From when on events count for a step that waits for one: what the step before it set off may be quicker than this one,
   * and a master may have died meanwhile. An event that the step before has itself waited for does not count again.
   */
  readonly eventsSince: InstantMs | undefined;
  readonly ports: StepPorts;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Shows progress to whoever watches; never journaled. */
  report(phase: string, detail?: string, host?: string): void;
}

/** How a step ended, in Salt's terms, with each host's own end. */
export interface StepAnswer extends StateReturn {
  readonly hosts?: Readonly<Record<string, HostResult>>;
  /** How often the step was done, retries and a reaction counted. */
  readonly calls?: number;
  /** In a plan: what the step would do. */
  readonly foreseen?: ForeseenStep;
  /** It was given up at its deadline. */
  readonly timedOut?: true;
  /** Digest of the bundle the run stands on from now on: the step changed files of the master. */
  readonly bundle?: string;
}

/** A kind of orchestration step: `salt.function`, `lb.drain`. */
export interface StepKind<A extends z.ZodObject = z.ZodObject> extends StepDeclaration<A> {
  run(args: z.output<A>, ctx: StepContext): Promise<StepAnswer>;
  /**
   * What `run` would do: `result` null when it would change something, false when it would fail. Changes nothing. Hosts,
   * load balancers and runners are looked at as they are now; `foresight` has what earlier steps would do to them.
   */
  plan(args: z.output<A>, ctx: StepContext, foresight: Foresight): Promise<StepAnswer>;
}

/** Declares a step kind. */
export function defineStep<A extends z.ZodObject>(kind: StepKind<A>): StepKind {
  return kind as unknown as StepKind;
}
