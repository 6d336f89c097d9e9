export {
  NO_PIP,
  type PipOptions,
  type PipPackage,
  parsePipList,
  parseWouldInstall,
  pipCommand,
  pipExec,
  pipPackages,
} from './pip.ts';
export {
  isSatisfied,
  normalName,
  parseRequirement,
  parseRequirements,
  type Requirement,
  type RequirementsFile,
} from './requirement.ts';
