export { checkPath } from './check-path.ts';
export type { CheckReport } from './check-tree.ts';
