export {
  type ArchiveContents,
  type ArchiveFormat,
  type ArchiveMember,
  directoriesOf,
  formatOf,
  leaving,
  packingOf,
  parseTarList,
  parseZipList,
  strippedBy,
  topLevel,
  withoutFirst,
} from './contents.ts';
export {
  type ArchiveFile,
  extractArchive,
  giveUsualRights,
  kindsBelow,
  listArchive,
  missingProgram,
  packingFor,
  tarWords,
} from './tools.ts';
