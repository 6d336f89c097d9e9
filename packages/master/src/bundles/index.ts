export { type Bundle, Bundles } from './bundles.ts';
export type { Contents } from './contents.ts';
export { openJetStreamContents } from './jetstream-contents.ts';
export { createMemoryContents } from './memory-contents.ts';
