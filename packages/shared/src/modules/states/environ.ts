import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { environmentOf } from '../execution/environ.ts';

/** The environment of commands on the host: looked at, and never changed behind their backs. */
export const environStates: readonly StateModule[] = [
  defineState({
    name: 'environ.setenv',
    summary:
      'Ensure commands on the host have variables in their environment; refused where they do not have them yet.',
    effect: 'repair',
    args: z.object({
      name: z.string().min(1).describe('Name of the variable; of the state, when `value` is a mapping.'),
      value: anyValue().describe('Its value, False for none, or a mapping of names to values.'),
      false_unsets: z
        .boolean()
        .default(false)
        .describe('False stands for a variable that is not set, not for an empty one.'),
      clear_all: z.boolean().default(false).describe('No other variables are set.'),
      update_minion: z.boolean().default(false).describe('Accepted for Salt trees.'),
      permanent: z.boolean().default(false).describe('Accepted for Salt trees; of Windows only.'),
    }),
    examples: [{ title: 'as it is already', args: { name: 'LANG', value: 'C.UTF-8' } }],
    async check({ name, value, false_unsets: unsets, clear_all: clearAll }, ctx) {
      const pairs = value instanceof PyMap ? [...value] : [[name, value] as const];
      const wanted = new Map(pairs.map(([key, item]) => [String(key), textOf(item, unsets)]));
      const now = await environmentOf(ctx);
      const others = clearAll ? [...now.keys()].filter((key) => !wanted.has(key)) : [];
      const wrong = [...wanted].filter(([key, text]) => now.get(key) !== text).map(([key]) => key);
      if (wrong.length + others.length === 0)
        return inSync('Environment values are already set with the correct values');
      return refused(
        `${[...wrong, ...others].join(', ')}: each command of Edge on ${ctx.host.id} is started with an environment of its own, which no state can change for another. ` +
          'Set `env` of the states that need it, or write it where programs look for it: /etc/environment, the unit of a service',
      );
    },
  }),
];

function textOf(value: Value, falseUnsets: boolean): string | undefined {
  if (value === false || value === null) return falseUnsets ? undefined : '';
  return String(value);
}
