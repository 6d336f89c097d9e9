/** What a command's exit code says; the same table for every command. */
export const EXIT = {
  done: 0,
  failed: 1,
  notStarted: 2,
  changesPending: 3,
  notAllowed: 4,
  rolledBack: 5,
  unreachable: 6,
  waiting: 7,
  stalePlan: 8,
  rollbackFailed: 9,
  timedOut: 124,
  interrupted: 130,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
