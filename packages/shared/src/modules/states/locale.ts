import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { localeArg } from '../execution/locale.ts';
import {
  findRecipe,
  generateLocale,
  hasLocales,
  isAvailable,
  setSystemLocale,
  systemLocale,
} from '../providers/locale/index.ts';

/** Locales as they should be. */
export const localeStates: readonly StateModule[] = [
  defineState({
    name: 'locale.present',
    summary: 'Ensure programs can use a locale.',
    effect: 'repair',
    needs: ['locale'],
    supports: hasLocales,
    args: z.object({ name: localeArg }),
    examples: [{ title: 'German', args: { name: 'de_DE.UTF-8' } }],
    async check({ name }, { host }) {
      if (await isAvailable(host, name)) return inSync(`Locale ${name} is already present`);
      const recipe = await findRecipe(host, name);
      // A package that an earlier state installs may bring the list: without one, only applying can tell.
      if (recipe.kind === 'unknown' && recipe.isListed) return refused(recipe.reason);
      return changesOf({
        what: `Locale ${name} generated`,
        before: null,
        after: name,
        changes: { locale: name },
        async apply(ctx) {
          await generateLocale(ctx.host, ctx.facts, name);
          return { comment: `Generated locale ${name}` };
        },
      });
    },
  }),
  defineState({
    name: 'locale.system',
    summary: 'Ensure the system has a locale.',
    effect: 'repair',
    supports: hasLocales,
    args: z.object({ name: localeArg }),
    examples: [{ title: 'German', args: { name: 'de_DE.UTF-8' } }],
    async check({ name }, { host, facts }) {
      const now = await systemLocale(host, facts);
      if (now === name) return inSync(`System locale ${name} already set`);
      return changesOf({
        what: `System locale ${name} set`,
        before: now === '' ? null : now,
        after: name,
        changes: { locale: name },
        async apply(ctx) {
          await setSystemLocale(ctx.host, ctx.facts, name);
          return { comment: `Set system locale ${name}` };
        },
      });
    },
  }),
];
