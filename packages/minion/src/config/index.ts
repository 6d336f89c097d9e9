export { type ConfigSources, type MinionConfig, parseMinionConfig, readMinionConfig } from './config.ts';
