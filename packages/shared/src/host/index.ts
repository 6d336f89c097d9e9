export type {
  Command,
  DirectoryEntry,
  ExecOptions,
  ExecResult,
  FileStat,
  FoundPath,
  Host,
  HostReader,
  WriteFileOptions,
} from './contract.ts';
export { LINK_END } from './link-end.ts';
export { LocalHost, type LocalHostOptions } from './local-host.ts';
export { isProcessAlive } from './process-alive.ts';
