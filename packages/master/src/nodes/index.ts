export { FactsStore } from './facts-store.ts';
export { MineService } from './mine.ts';
export { MemoryMineStore, type MineStore, openMineStore, storedMineEntry } from './mine-store.ts';
export { type NodeKind, Nodes, type NodesOptions, type PillarUse } from './nodes.ts';
export { shareFacts } from './shared-facts.ts';
