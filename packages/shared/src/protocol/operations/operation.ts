import { z } from 'zod';
import { encodedValue, targetOutcome } from '../messages.ts';
import { TARGET_TYPES } from '../target-types.ts';

/** What a person or the API may ask of the master: a request on `SUBJECTS.operation(name)` answered by an `Answer`. */
export interface Operation<A extends z.ZodObject = z.ZodObject, R extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly args: A;
  readonly answer: R;
}

/** Keeps the types of a declaration while checking its shape. */
export function operation<const N extends string, A extends z.ZodObject, R extends z.ZodType>(declared: {
  readonly name: N;
  readonly summary: string;
  readonly args: A;
  readonly answer: R;
}): typeof declared {
  return declared;
}

/** Who is meant: Salt's target expression with Salt's name of its type. */
export const targetExpression = z
  .object({
    expr: z.union([z.string(), z.array(z.string())]).describe('The expression; a list of ids for type `list`.'),
    type: z.enum(TARGET_TYPES).describe('How `expr` is read.'),
    delimiter: z.string().optional().describe('Separates the levels of a grain or pillar key; `:` when absent.'),
  })
  .describe('Who is meant.');
export type TargetExpression = z.infer<typeof targetExpression>;

/** Words of a command line as values, with the words themselves beside them. */
export const wordArguments = {
  args: z.array(encodedValue).describe('Positional arguments, encoded.'),
  kwargs: z.array(z.tuple([z.string(), encodedValue])).describe('Keyword arguments, encoded, in order.'),
  typed: z
    .object({ args: z.array(z.string().nullable()), kwargs: z.record(z.string(), z.string()) })
    .optional()
    .describe('The words as typed; used where a declaration says text.'),
};

/** Id → how the target ended. */
export const outcomes = z.record(z.string(), targetOutcome);

/** An instant, in milliseconds since the epoch. */
export const instant = z.number();

/** What every list may be asked with. */
export const listArguments = {
  limit: z.number().int().positive().optional().describe('At most this many, newest first.'),
  since: instant.optional().describe('Only what began at or after this instant (ms since the epoch).'),
};
