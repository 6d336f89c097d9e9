import type { ExecutionModule } from '../contract/index.ts';
import { fileEditFunctions } from './file-edit.ts';
import { fileLookFunctions } from './file-look.ts';
import { fileTreeFunctions } from './file-tree.ts';

/** Files and directories of a host: looking, changing trees, editing texts. */
export const fileFunctions: readonly ExecutionModule[] = [
  ...fileLookFunctions,
  ...fileTreeFunctions,
  ...fileEditFunctions,
];
