export { changePolicy, currentMode, listPolicy, nextMode, requireSelinux, setMode, whyNoSelinux } from './access.ts';
export {
  configuredMode,
  configureMode,
  FILE_TYPES,
  type FileContext,
  type Mode,
  type PolicyBoolean,
  type PortPolicy,
  parseBooleans,
  parseFileContexts,
  parseModules,
  parsePorts,
  parseRelabels,
  readMode,
  type WrongContext,
} from './output.ts';
