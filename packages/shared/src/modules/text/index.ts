export { type Banner, bannerText } from './banner.ts';
export { parseCsv } from './csv.ts';
export {
  appendLines,
  type BlockOptions,
  type KeyValueOptions,
  prependLines,
  type ReplaceOptions,
  replaceBlock,
  replaceText,
  setKeyValues,
  toggleComments,
} from './edits.ts';
export { decodeText, encodeText } from './encoding.ts';
export { formatMode, parseMode } from './file-mode.ts';
export {
  appendToGrain,
  editGrain,
  type GrainEdit,
  type GrainEditOptions,
  type ReadGrain,
  removeFromGrain,
} from './grain-edits.ts';
export { type IniFormat, type IniOptions, IniText } from './ini.ts';
export { editLine, type LineOptions } from './line-mode.ts';
export { bareLines, endedText, splitLines } from './lines.ts';
export { mergeRecursive, updateInPlace } from './merge.ts';
export { escapeRegex, expandReplacement, pythonRegex, substitute } from './python-regex.ts';
export { pythonText } from './python-text.ts';
export { deserializeData, SERIALIZERS, type Serializer, serializeData } from './serialize.ts';
export { isBinary, unifiedDiff } from './unified-diff.ts';
