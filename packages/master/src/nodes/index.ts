export { FactsStore } from './facts-store.ts';
export { type NodeKind, Nodes, type NodesOptions } from './nodes.ts';
