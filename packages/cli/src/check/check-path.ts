import { relative } from 'node:path';
import { type Diagnostic, DiagnosticsError } from '@edge-run/shared/kernel';
import { type CheckOptions, type CheckReport, checkTree } from './check-tree.ts';
import { type CheckedTree, findTree, type TreeRequest } from './tree.ts';

/**
 * Checks the tree of a path. A project file that is wrong is a finding like any other, and the only one.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` when there is nothing of that path, `EDGE_CONFIG_INVALID` when it cannot be read
 */
export async function checkPath(request: TreeRequest, options: CheckOptions): Promise<CheckReport> {
  let tree: CheckedTree;
  try {
    tree = findTree(request);
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    return { diagnostics: error.diagnostics.map((problem) => placed(problem, options.cwd)), files: 1, fixtures: 0 };
  }
  return checkTree(tree, options);
}

/** Settings without a line are named with their file in front; a place says that better. */
function placed(problem: Diagnostic, cwd: string): Diagnostic {
  if (problem.source !== undefined)
    return { ...problem, source: { ...problem.source, file: relative(cwd, problem.source.file) } };
  const match = /^(\/.*?\.ya?ml): (.*)$/s.exec(problem.summary);
  if (match === null) return problem;
  return { ...problem, summary: match[2]!, source: { file: relative(cwd, match[1]!), line: 1 } };
}
