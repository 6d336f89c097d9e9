import type { PyMap } from '../../values/index.ts';
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
