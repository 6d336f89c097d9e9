export { type ApiConfig, apiConfig } from './api-settings.ts';
export { type GitRemoteSettings, gitRemotes } from './gitfs-settings.ts';
export { type MasterConfig, masterConfigSchema, projectFileSchema } from './master-settings.ts';
export { type PlacedSettings, placedSettings, settingsProblems } from './problems.ts';
export { projectProblems } from './project-problems.ts';
export { absoluteRoots, type Roots, readProject, readSettingsFile, stateRoots } from './read.ts';
export type { ReturnerConfig } from './returners-settings.ts';
export { absoluteSource, type RosterSource } from './roster-settings.ts';
export {
  type ProjectSettings,
  pillarMergeSettings,
  pillarOpts,
  projectOf,
  projectSettings,
  templateOpts,
  templateSettings,
} from './settings.ts';
