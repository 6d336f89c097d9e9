import { Later } from '../runtime/later.ts';
import { patient } from '../runtime/patience.ts';
import { Builtin } from '../runtime/types.ts';
import { COLLECTION_FILTERS } from './collections.ts';
import { ITERTOOLS_FILTERS } from './itertools.ts';
import { SALT_DATA_FILTERS } from './salt-data.ts';
import { SALT_SYSTEM_FILTERS } from './salt-system.ts';
import { SALT_TEXT_FILTERS } from './salt-text.ts';
import { SERIALIZER_FILTERS } from './serialize.ts';
import { TEXT_FILTERS } from './text.ts';

/** Every filter by name; Salt's replace Jinja's of the same name. */
export const FILTERS: ReadonlyMap<string, Builtin> = new Map(
  [
    ...TEXT_FILTERS,
    ...COLLECTION_FILTERS,
    ...SERIALIZER_FILTERS,
    ...ITERTOOLS_FILTERS,
    ...SALT_TEXT_FILTERS,
    ...SALT_DATA_FILTERS,
    ...SALT_SYSTEM_FILTERS,
  ].map((filter) => [filter.name, whenKnown(patient(filter))]),
);

/** The filter, which waits for values that are known only later. */
function whenKnown(filter: Builtin): Builtin {
  return new Builtin(
    filter.name,
    (env: never, args, kwargs) => {
      const [value, ...others] = args;
      return value instanceof Later ? value.filtered(filter.name, others, kwargs) : filter.call(env, args, kwargs);
    },
    filter,
  );
}
