export { download, verifyDigest } from './download.ts';
export {
  applyOwnership,
  followLinks,
  isDirectory,
  makeDirectories,
  type Ownership,
  ownershipDrift,
  readIfPresent,
  readText,
  requireAbsolute,
  walk,
  writeText,
} from './paths.ts';
export { hasProgram, mustProbe, mustRun } from './run.ts';
export {
  commandRequest,
  judgedRetcode,
  readEnvironment,
  runShell,
  type ShellRequest,
  type SuccessRules,
  shellCommand,
  splitWords,
  stripOutput,
} from './shell.ts';
