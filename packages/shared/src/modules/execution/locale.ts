import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import type { Facts } from '../contract/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import {
  generateLocale,
  hasLocales,
  isAvailable,
  listLocales,
  setSystemLocale,
  systemLocale,
} from '../providers/locale/index.ts';

/** Name of a locale, with its charmap where that tells two apart. */
export const localeArg = z
  .string()
  .regex(/^[A-Za-z][\w.@-]*( [\w.-]+)?$/, 'is not the name of a locale')
  .describe('Name of the locale: `de_DE.UTF-8`.');

/** Locales of a host. */
export const localeFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'locale.list_avail',
    summary: 'Answer the locales that programs can use.',
    args: z.object({}),
    returns: 'A list of names, as `locale -a` has them.',
    examples: [],
    run: (_, { host }) => listLocales(host),
  }),
  defineRead({
    name: 'locale.avail',
    summary: 'Answer whether programs can use a locale, however it is written.',
    args: z.object({ locale: localeArg }),
    returns: 'True or false.',
    examples: [{ title: 'German', args: { locale: 'de_DE.UTF-8' } }],
    run: ({ locale }, { host }) => isAvailable(host, locale),
  }),
  defineRead({
    name: 'locale.get_locale',
    summary: 'Answer the locale of the system.',
    args: z.object({}),
    returns: 'A name; empty where none is set.',
    examples: [],
    run: (_, { host, facts }) => systemLocale(host, facts),
  }),
  defineWrite({
    name: 'locale.set_locale',
    summary: 'Set the locale of the system; programs see it when they start.',
    args: z.object({ locale: localeArg }),
    returns: 'True.',
    examples: [{ title: 'German', args: { locale: 'de_DE.UTF-8' } }],
    async run({ locale }, { host, facts }) {
      requireLocales(facts);
      await setSystemLocale(host, facts, locale);
      return true;
    },
  }),
  defineWrite({
    name: 'locale.gen_locale',
    summary: 'Generate a locale.',
    args: z.object({
      locale: localeArg,
      verbose: z.boolean().default(false).describe('Accepted for Salt trees; a failure always says why.'),
    }),
    returns: 'True.',
    examples: [{ title: 'German', args: { locale: 'de_DE.UTF-8' } }],
    async run({ locale }, { host, facts }) {
      requireLocales(facts);
      await generateLocale(host, facts, locale);
      return true;
    },
  }),
];

function requireLocales(facts: Facts): void {
  const has = hasLocales(facts);
  if (has !== true)
    throw new EdgeError('EDGE_NOT_SUPPORTED', has, {}, { hint: 'Use `env` of the command or service.' });
}
