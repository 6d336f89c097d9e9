export {
  type ConfigSources,
  ENV_NAMES,
  type MinionConfig,
  minionConfig,
  parseMinionConfig,
  readMinionConfig,
} from './config.ts';
