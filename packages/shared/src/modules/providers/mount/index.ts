export { type MountRequest, mountNow, remountNow, unmountNow } from './act.ts';
export {
  FSTAB_FIELDS,
  type FstabEntry,
  type FstabKey,
  findFstab,
  fstabKey,
  fstabLine,
  parseFstab,
  removeFstab,
  setFstab,
} from './fstab.ts';
export {
  activeMounts,
  activeSwaps,
  deviceNames,
  deviceOf,
  deviceTag,
  isBoundTo,
  mountOf,
  readFstab,
} from './look.ts';
export {
  type ActiveMount,
  type ActiveSwap,
  escapeOctal,
  parseMountinfo,
  parseSwaps,
  unescapeOctal,
} from './mountinfo.ts';
export { type OptionRules, optionDrift } from './options.ts';
