export { type Ask, CachedFiles, CHUNK_BYTES } from './cached-files.ts';
