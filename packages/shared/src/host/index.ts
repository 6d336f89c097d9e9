export type {
  Command,
  DirectoryEntry,
  ExecOptions,
  ExecResult,
  FileStat,
  Host,
  HostReader,
  WriteFileOptions,
} from './contract.ts';
