export { FACTS_COMMAND, gatherFacts, parseFacts } from './gather.ts';
export {
  type CommandGrain,
  type GrainSources,
  gatherGrains,
  mergeGrains,
  parseCommandGrain,
  readGrainsFile,
} from './grains.ts';
export { KeptFacts, type KeptFactsOptions } from './kept.ts';
