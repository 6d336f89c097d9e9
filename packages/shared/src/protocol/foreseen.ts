import { z } from 'zod';
import { encodedValue } from './messages.ts';

/*
 * What a plan of an orchestration found out about a step: the calls it would make, and what is known of what comes of
 * them. Journaled with the step's answer, shown by `orch plan`, and compared when a saved plan is applied.
 */

/**
 * `nothing`: the step looks, waits, or finds everything as it should be. `changes`: it would change what its answer
 * says. `unknown`: it would act, and what comes of that cannot be known.
 */
export const planEffect = z.enum(['nothing', 'changes', 'unknown']);
export type PlanEffect = z.infer<typeof planEffect>;

/** One call a step would make. */
export const plannedCall = z.object({
  /** Where it goes: to hosts, to the master itself, or to a load balancer. */
  to: z.enum(['hosts', 'master', 'load-balancer']),
  /** `state.sls`, `service.restart`, `cloud.provision`. */
  fun: z.string(),
  /** Encoded, secrets sealed; values that come only with earlier steps stand as their expressions. */
  args: z.array(encodedValue),
  kwargs: z.record(z.string(), encodedValue),
  target: z.object({ expr: z.string(), type: z.string() }).optional(),
  /** Who the target selects now, sorted. */
  hosts: z.array(z.string()).optional(),
  /** Who it will select too: hosts that an earlier step brings up. */
  coming: z.array(z.string()).optional(),
  /** Hosts in the order in which they would be called, where that is not all at once. */
  batches: z.array(z.array(z.string())).optional(),
  /** How the batches go on, in words: `at most 2 at a time`, `at most 10% may fail`. */
  budget: z.string().optional(),
});
export type PlannedCall = z.infer<typeof plannedCall>;

/** One call that templates made while a plan was rendered. */
export const renderingCall = plannedCall.omit({ coming: true, batches: true, budget: true }).extend({
  /** Whose template made it. */
  by: z.enum(['orchestration', 'pillar']),
  /** Where the call stands in the author's text. */
  place: z.object({ file: z.string(), line: z.number() }).optional(),
  /** `nothing` for one that only looks. */
  effect: planEffect,
  why: z.string().optional(),
});
export type RenderingCall = z.infer<typeof renderingCall>;

/** What a step would do. */
export const foreseenStep = z.object({
  effect: planEffect,
  /** In order. */
  calls: z.array(plannedCall).optional(),
  /** Why the effect is not known, and what would make it so. */
  why: z.string().optional(),
  help: z.string().optional(),
  /** What it would wait for, in words. */
  waitsFor: z.string().optional(),
  /** Hosts it would bring up → what is known of their grains. */
  brings: z.record(z.string(), encodedValue).optional(),
  /** What later steps of the plan would find, by name: `lb/shop/app1` → `disabled`. */
  leaves: z.record(z.string(), z.string()).optional(),
  /** Plans of the orchestrations it would run. */
  runs: z.array(z.string()).optional(),
  /** Hosts that what it starts would act on, beside those of `calls`. */
  touches: z.array(z.string()).optional(),
  /** Host → digest of what it told of itself. */
  facts: z.record(z.string(), z.string()).optional(),
});
export type ForeseenStep = z.infer<typeof foreseenStep>;

/** What is known beforehand of hosts that are not there yet, and of what earlier steps leave behind. */
export const foreseenWorld = z.object({
  brings: z.record(z.string(), encodedValue),
  leaves: z.record(z.string(), z.string()),
  /** Host → ids of the steps that would act on it before. */
  touched: z.record(z.string(), z.array(z.string())),
  /** Hosts on which some of that is not known: what is found there now may be gone by then. */
  shaken: z.array(z.string()),
  /** How many orchestrations are around this one. */
  depth: z.number(),
});
export type ForeseenWorld = z.infer<typeof foreseenWorld>;

/** Runs that only plan have ids that begin so, and so have their jobs. */
export const PLAN_RUN_PREFIX = 'plan-';

/** True for events of plans, of their jobs and of those hosts' returns: they start no reaction. */
export function isTagOfPlan(tag: string): boolean {
  return /^(run|salt\/run|salt\/job)\/plan-/.test(tag);
}
