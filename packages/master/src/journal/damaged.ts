import { EdgeError } from '@edge-run/shared/kernel';

/** True for the error of a run whose journal cannot be read: nobody can go on with it, and others need not stop for it. */
export function isDamaged(error: unknown): error is EdgeError {
  return error instanceof EdgeError && error.code === 'EDGE_JOURNAL_DAMAGED';
}
