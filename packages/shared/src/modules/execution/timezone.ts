import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { mustProbe } from '../operations/index.ts';
import { getZone, hardwareClock, isInZone, setHardwareClock, setZone } from '../providers/timezone/index.ts';

/** Name of a zone. */
export const zoneArg = z
  .string()
  .regex(/^[A-Za-z0-9][\w+-]*(\/[A-Za-z0-9][\w+-]*)*$/, 'is not the name of a zone')
  .describe('Name of the zone: `Europe/Berlin`.');

/** The zone of a host and what its hardware clock shows. */
export const timezoneFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'timezone.get_zone',
    summary: 'Answer the name of the time zone.',
    args: z.object({}),
    returns: 'A name: `Europe/Berlin`.',
    examples: [],
    run: (_, { host }) => getZone(host),
  }),
  defineRead({
    name: 'timezone.get_zonecode',
    summary: 'Answer the abbreviation of the time zone.',
    args: z.object({}),
    returns: 'An abbreviation that depends on the season: `CEST`.',
    examples: [],
    run: async (_, { host }) => (await mustProbe(host, ['date', '+%Z'])).stdout.trim(),
  }),
  defineRead({
    name: 'timezone.get_offset',
    summary: 'Answer how far the local time is from UTC.',
    args: z.object({}),
    returns: 'Hours and minutes: `+0200`.',
    examples: [],
    run: async (_, { host }) => (await mustProbe(host, ['date', '+%z'])).stdout.trim(),
  }),
  defineRead({
    name: 'timezone.zone_compare',
    summary: 'Answer whether the host is in a time zone, by name and by content.',
    args: z.object({ timezone: zoneArg }),
    returns: 'True or false.',
    examples: [],
    run: ({ timezone }, { host }) => isInZone(host, timezone),
  }),
  defineWrite({
    name: 'timezone.set_zone',
    summary: 'Put the host into a time zone; services that run see it when they are started again.',
    args: z.object({ timezone: zoneArg }),
    returns: 'True.',
    examples: [{ title: 'Berlin', args: { timezone: 'Europe/Berlin' } }],
    async run({ timezone }, { host }) {
      await setZone(host, timezone);
      return true;
    },
  }),
  defineRead({
    name: 'timezone.get_hwclock',
    summary: 'Answer what the hardware clock shows.',
    args: z.object({}),
    returns: '`UTC` or `localtime`.',
    examples: [],
    run: (_, { host }) => hardwareClock(host),
  }),
  defineWrite({
    name: 'timezone.set_hwclock',
    summary: 'Say what the hardware clock shows.',
    args: z.object({ clock: z.enum(['UTC', 'localtime']).describe('`UTC` or `localtime`.') }),
    returns: 'True.',
    examples: [],
    async run({ clock }, { host }) {
      await setHardwareClock(host, clock);
      return true;
    },
  }),
];
