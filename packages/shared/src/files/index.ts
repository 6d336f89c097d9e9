export { bundleDigest } from './bundle.ts';
export type { FileEntry, FileHandle, FileSource } from './contract.ts';
export { GitSource, type GitSourceOptions } from './git-source.ts';
export { type LocalRoot, LocalRoots, type LocalRootsByEnv, rootsOf } from './local-roots.ts';
export { findSls, listSls, type SlsLookup, slsOfPath } from './sls.ts';
export { createTemplateLoader } from './template-loader.ts';
export { type FilePlace, parseFileUri } from './uri.ts';
