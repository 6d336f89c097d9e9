export {
  type GitRemoteSettings,
  gitRemotes,
  type MasterConfig,
  masterConfigSchema,
  type ReturnerConfig,
  type RosterSource,
} from '@edge-run/shared/project';
export { type LoadedMasterConfig, loadMasterConfig, withEmbeddedApi } from './load.ts';
