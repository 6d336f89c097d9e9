import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { toPlain } from '../../values/index.ts';
import { defineRead, type ExecutionModule } from '../contract/index.ts';

/** Salt's names of levels → those of the log. */
const LEVELS = { debug: 'debug', info: 'info', warning: 'warn', error: 'error', critical: 'error' } as const;

/** Lines that templates write into the log. */
export const logFunctions: readonly ExecutionModule[] = Object.entries(LEVELS).map(([name, level]) =>
  defineRead({
    name: `log.${name}`,
    summary: `Write a line of level ${level} into the log.`,
    args: z.object({ message: anyValue().describe('The line.') }),
    returns: 'True.',
    examples: [],
    run: ({ message }, { log }) => {
      log[level](typeof message === 'string' ? message : JSON.stringify(toPlain(message)));
      return Promise.resolve(true);
    },
  }),
);
