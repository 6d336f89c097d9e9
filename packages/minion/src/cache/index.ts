export { BlobStore, type BlobStoreOptions } from './blob-store.ts';
export { type Ask, CachedFiles, CHUNK_BYTES } from './cached-files.ts';
