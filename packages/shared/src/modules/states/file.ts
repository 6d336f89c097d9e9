import type { StateModule } from '../contract/index.ts';
import { fileDirectory, fileRecurse } from './file-directory.ts';
import { fileEditStates } from './file-edits.ts';
import { fileManaged } from './file-managed.ts';
import { filePathStates } from './file-paths.ts';
import { fileSerialize } from './file-serialize.ts';

/** Files, directories and links as they should be. */
export const fileStates: readonly StateModule[] = [
  fileManaged,
  fileDirectory,
  fileRecurse,
  fileSerialize,
  ...filePathStates,
  ...fileEditStates,
];
