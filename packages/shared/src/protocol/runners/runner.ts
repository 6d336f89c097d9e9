import type { z } from 'zod';
import type { Declaration } from '../../schema/index.ts';

/** A function of the master as it is written, without what it does: `state.orchestrate`, `cloud.provision`. */
export interface RunnerDeclaration<A extends z.ZodObject = z.ZodObject> extends Declaration<A> {
  /** One sentence on what is answered. */
  readonly returns: string;
}

/** Keeps the types of a declaration while checking its shape. */
export function runner<A extends z.ZodObject>(declared: RunnerDeclaration<A>): RunnerDeclaration<A> {
  return declared;
}
