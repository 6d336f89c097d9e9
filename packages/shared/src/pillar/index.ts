export {
  type CompiledPillar,
  type CompilePillarOptions,
  compilePillar,
  type ExternalPillar,
  type ExternalPillarRequest,
} from './compile.ts';
export { explainPillar, type PillarLayer, type PillarOrigin } from './explain.ts';
export { type PillarGetOptions, pillarGet } from './get.ts';
export { MERGE_STRATEGIES, type MergeOptions, type MergeStrategy, mergeMaps, mergePillars } from './merge.ts';
export { defaultPillarSettings, type PillarSettings, pillarSettings } from './settings.ts';
