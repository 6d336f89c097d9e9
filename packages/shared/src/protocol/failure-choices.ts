/** What a person may answer when a run asks what to do about a failed step. */
export const FAILURE_CHOICES = ['retry', 'skip', 'rollback', 'abort'] as const;
/** One of `FAILURE_CHOICES`. */
export type FailureChoice = (typeof FAILURE_CHOICES)[number];
