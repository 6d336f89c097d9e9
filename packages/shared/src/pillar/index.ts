export { PillarCache } from './cache.ts';
export {
  type CompiledPillar,
  type CompilePillarOptions,
  compilePillar,
  type ExternalPillar,
  type ExternalPillarAnswer,
  type ExternalPillarRequest,
} from './compile.ts';
export { createDecryption, type Decryption } from './decrypt/index.ts';
export { explainPillar, judgeOrigins, type PillarEffect, type PillarLayer, type PillarOrigin } from './explain.ts';
export {
  EXTERNAL_KINDS,
  type ExternalServices,
  externalPillars,
  type GitPillarOptions,
  type VaultServer,
  vaultServer,
} from './external/index.ts';
export { type PillarGetOptions, pillarGet } from './get.ts';
export { MERGE_STRATEGIES, type MergeOptions, type MergeStrategy, mergeMaps, mergePillars } from './merge.ts';
export { defaultPillarSettings, type PillarSettings, pillarSettings } from './settings.ts';
