export { type GitRemoteSettings, gitRemotes } from './gitfs.ts';
export { type LoadedMasterConfig, loadMasterConfig, withEmbeddedApi } from './load.ts';
export type { ReturnerConfig } from './returners.ts';
export type { RosterSource } from './roster.ts';
export { type MasterConfig, masterConfigSchema } from './schema.ts';
