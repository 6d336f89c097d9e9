import type { Diagnostic } from '@edge-run/shared/kernel';
import { isMissingHost } from './offline-functions.ts';

/** What templates fail with when data is not there. */
const FAILURES: ReadonlySet<string> = new Set([
  'EDGE_UNDEFINED_VARIABLE',
  'EDGE_TEMPLATE_RUNTIME',
  'EDGE_PILLAR_KEY_NOT_FOUND',
  'EDGE_DECRYPT_FAILED',
]);

/** True for a failure that other data than that of the check might not have. */
export function isDataFailure(diagnostic: Diagnostic): boolean {
  if (!FAILURES.has(diagnostic.code)) return false;
  // A name that is nearly right is a slip, and one no data could give is missing everywhere.
  return !/^did you mean/i.test(diagnostic.detail) && !/^'\w+' is undefined$/.test(diagnostic.summary);
}

/** A failure for want of data as what it is: the file was not checked. Everything else stays. */
export function relaxed(diagnostic: Diagnostic, help: string): Diagnostic {
  return isDataFailure(diagnostic) ? skipped(diagnostic, help) : diagnostic;
}

const KEYS_HELP = "the keys are the master's alone: say what it holds in the fixtures, pillar/ID.yaml";

/** What is served beside the files of the tree may have what these miss. */
const MISSING_FILES: ReadonlySet<string> = new Set([
  'EDGE_SLS_NOT_FOUND',
  'EDGE_SOURCE_MISSING',
  'EDGE_TEMPLATE_NOT_FOUND',
  'EDGE_STATE_INCLUDE',
]);

/** A file that is missing here, where the project has files elsewhere too, is a thing nobody can tell. */
export function withRemotes(diagnostic: Diagnostic): Diagnostic {
  if (!MISSING_FILES.has(diagnostic.code) || /^did you mean/i.test(diagnostic.detail)) return diagnostic;
  return skipped(diagnostic, 'it may be in one of the git remotes, which are not fetched');
}

/** As it is, but for a function that would have had to look at a host. */
export function withoutHost(diagnostic: Diagnostic, help: string): Diagnostic {
  if (diagnostic.code === 'EDGE_DECRYPT_FAILED') return skipped(diagnostic, KEYS_HELP);
  return FAILURES.has(diagnostic.code) && isMissingHost(diagnostic.summary) ? skipped(diagnostic, help) : diagnostic;
}

function skipped(diagnostic: Diagnostic, detail: string): Diagnostic {
  return {
    ...diagnostic,
    severity: 'warning',
    code: 'EDGE_CHECK_SKIPPED',
    summary: `not checked: ${diagnostic.summary}`,
    detail,
  };
}
