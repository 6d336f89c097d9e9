export { type Digest, download, findDigest, mayDownload, otherDigest, parseDigest, verifyDigest } from './download.ts';
export {
  applyOwnership,
  asText,
  followLinks,
  isDirectory,
  lookAt,
  makeDirectories,
  type Ownership,
  ownershipDrift,
  readFound,
  readIfPresent,
  readText,
  realPath,
  requireAbsolute,
  walk,
  writeBytes,
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
