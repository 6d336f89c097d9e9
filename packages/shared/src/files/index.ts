export type { FileEntry, FileHandle, FileSource } from './contract.ts';
