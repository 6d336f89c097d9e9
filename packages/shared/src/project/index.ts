export { absoluteRoots, type Roots, readProject, readSettingsFile, settingsProblems, stateRoots } from './read.ts';
export {
  type ProjectSettings,
  pillarMergeSettings,
  pillarOpts,
  projectOf,
  projectSettings,
  templateOpts,
  templateSettings,
} from './settings.ts';
