import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { zoneArg } from '../execution/timezone.ts';
import { findZone, hardwareClock, hasZone, isInZone, setHardwareClock, setZone } from '../providers/timezone/index.ts';

/** The time zone as it should be. */
export const timezoneStates: readonly StateModule[] = [
  defineState({
    name: 'timezone.system',
    summary: 'Ensure the host is in a time zone.',
    effect: 'repair',
    args: z.object({
      name: zoneArg,
      utc: z.boolean().default(true).describe('The hardware clock shows UTC; false leaves it as it is.'),
    }),
    examples: [{ title: 'Berlin', args: { name: 'Europe/Berlin' } }],
    async check({ name, utc }, { host }) {
      const isThere = await isInZone(host, name);
      if (!isThere && !(await hasZone(host, name)))
        return refused(`there is no zone ${name} on ${host.id}; without tzdata there are none at all`);
      const clock = utc ? await hardwareClock(host) : 'UTC';
      const verdict = changesOf(
        isThere || {
          what: `Set timezone ${name}`,
          before: (await findZone(host)) ?? 'unknown',
          after: name,
          changes: { timezone: name },
          async apply(ctx) {
            await setZone(ctx.host, name);
            return undefined;
          },
        },
        clock === 'UTC' || {
          what: 'Set UTC to True',
          before: clock,
          after: 'UTC',
          changes: { utc: true },
          async apply(ctx) {
            await setHardwareClock(ctx.host, 'UTC');
            return undefined;
          },
        },
      );
      if (verdict.kind !== 'in-sync') return verdict;
      return inSync(`Timezone ${name} already set${utc ? `, UTC already set to ${name}` : ''}`);
    },
  }),
];
