import type { z } from 'zod';
import type { Declaration } from '../../schema/index.ts';

/** A kind of orchestration step as it is written, without what it does. */
export interface StepDeclaration<A extends z.ZodObject = z.ZodObject> extends Declaration<A> {
  /**
   * What to do with a step that had started when its master died: `reattach` to the job, whose id is the same; `rerun`
   * it, because repeating is harmless; or `ask` a person.
   */
  readonly afterCrash: 'reattach' | 'rerun' | 'ask';
}

/** Keeps the types of a declaration while checking its shape. */
export function step<A extends z.ZodObject>(declared: StepDeclaration<A>): StepDeclaration<A> {
  return declared;
}
