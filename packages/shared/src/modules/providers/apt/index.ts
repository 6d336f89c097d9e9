export { readSources, writeSources } from './access.ts';
export { type Keyring, keyringPath, keyringsFor, keyringsOnlyOf, readKeyring, writeKeyring } from './keyrings.ts';
export { armoured, bareKeyId, dearmoured, isKeyOf, keyFingerprints } from './openpgp.ts';
export {
  findRepository,
  MAIN_FILE,
  planRepository,
  type RepositoryGoal,
  type RepositoryPlan,
  removeRepository,
  type SourcesEdit,
} from './repositories.ts';
export { type AptSource, architecturesOf, formatSourceLine, parseSourceLine, signedBy } from './source.ts';
export {
  addSource,
  type FoundSource,
  formatSourcesFile,
  parseSourcesFile,
  replaceSource,
  type SourcesFile,
  sourcesOf,
} from './sources-file.ts';
