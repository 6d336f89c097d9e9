export { BundledFiles, type BundledFilesOptions, bundleDigest, type FileBundle, listBundle } from './bundle.ts';
export { ChainedFiles } from './chained-files.ts';
export { contentDigest } from './content-digest.ts';
export type { FileEntry, FileHandle, FileSource } from './contract.ts';
export { type GitServing, servedEnvironments } from './git-environments.ts';
export { type GitAccess, GitMirror, gitEnvironment } from './git-mirror.ts';
export {
  type GitEnvironment,
  type GitEnvironmentsOf,
  type GitRef,
  GitSource,
  type GitSourceOptions,
  parseRefs,
} from './git-source.ts';
export { type LocalRoot, LocalRoots, type LocalRootsByEnv, rootsOf } from './local-roots.ts';
export { openReactorFile, type ReactorFile } from './reactor-file.ts';
export { openFiles, readFiles } from './read-files.ts';
export { findSls, listSls, type SlsLookup, slsOfPath } from './sls.ts';
export { createTemplateLoader } from './template-loader.ts';
export { type FilePlace, parseFileUri } from './uri.ts';
