export { copyValue, joinLists } from './copy.ts';
export { decodeValue, type EncodeOptions, encodeValue } from './encoding.ts';
export { valuesEqual } from './equality.ts';
export { type KeyIdentity, keyIdentity } from './key.ts';
export { PyMap } from './map.ts';
export { fromPlain, type PlainValue, toPlain } from './plain.ts';
export { PySet } from './set.ts';
export { float, integer, isFloat, isInteger, PyDate, PyFloat, PyTuple, type Value } from './values.ts';
