import { PyMap, type Value } from '../../values/index.ts';
import { Places } from './places.ts';

/**
 * States of several SLS files as Salt's high data: ID → state module → list of function and arguments, beside
 * `__sls__` and `__env__`; extensions under `__extend__`, exclusions under `__exclude__`.
 */
export interface HighData {
  readonly data: PyMap;
  readonly places: Places;
}

/** High data that no file stands behind (`state.high`, `state.single`); its places are not known. */
export function bareHighData(data: PyMap): HighData {
  return { data, places: new Places() };
}

/** High data with a caller's exclusions (`{sls: NAME}`, `{id: NAME}`, or an SLS name) beside those of its files. */
export function withExclusions(high: HighData, exclusions: readonly Value[]): HighData {
  const own = high.data.get('__exclude__');
  const data = new PyMap(high.data);
  data.set('__exclude__', [...(Array.isArray(own) ? own : []), ...exclusions]);
  high.places.copied(data, high.data);
  return { data, places: high.places };
}
