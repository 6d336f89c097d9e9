import { z } from 'zod';

const line = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^[^\n\r]*$/, 'has a line end'));
const field = line.pipe(z.string().regex(/^\S+$/, 'is not one word'));

/** Whose crontab. */
export const userArg = z
  .string()
  .regex(/^[^-:\s]\S*$/, 'not a name')
  .describe('Whose crontab.');

/** Command of a job. */
export const cmdArg = z
  .string()
  .regex(/^[^\n\r]*\S[^\n\r]*$/, 'is not one line')
  .transform((cmd) => cmd.trim())
  .describe('The command. `%` ends it for cron and must be escaped.');

/** One of cron's own words. */
export const specialArg = z.string().regex(/^@\S+$/, 'is not one of the words of cron, such as @daily');

/** What tells a job from others when its command changes. */
export const identifierArg = line.describe('Name that stays when the command changes.');

/** Text above a job. */
export const commentArg = z.string().describe('Comment above the job.');

/** The five fields; a state's default is `*`. */
export const timeArgs = {
  minute: field.describe('Minute; `random` for one that stays the same, `0:30` for one of a range.'),
  hour: field.describe('Hour.'),
  daymonth: field.describe('Day of the month.'),
  month: field.describe('Month.'),
  dayweek: field.describe('Day of the week; 0 and 7 are Sunday.'),
};

/** Name and value of a variable. */
export const envNameArg = z
  .string()
  .trim()
  .regex(/^[^\s=#@]+$/, 'is not the name of a variable')
  .describe('Name of the variable.');

/** Value of a variable. */
export const envValueArg = z
  .union([line, z.null()])
  .optional()
  .transform((value) => value ?? '')
  .describe('Its value; none is the empty one.');

/** The argument, where it may also be left out or be null. */
export function orNone<T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> {
  return schema.nullish().describe(schema.description ?? '');
}

/** The field, where any time will do when it is left out. */
export function orAny<T extends z.ZodType<string>>(schema: T): z.ZodDefault<T> {
  return schema.default('*' as z.util.NoUndefined<z.output<T>>).describe(schema.description ?? '');
}
