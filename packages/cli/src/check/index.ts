export { type CheckReport, checkTree } from './check-tree.ts';
export { type CheckedTree, findTree } from './tree.ts';
