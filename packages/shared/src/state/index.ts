export type {
  Chunk,
  ChunkOptions,
  CompileCatalog,
  Guards,
  Plan,
  Requisite,
  RequisiteKind,
  RunAction,
  RunFact,
  StateReturn,
  StepKey,
  StepMode,
} from './contract.ts';
