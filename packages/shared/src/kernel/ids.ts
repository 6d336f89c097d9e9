import { monotonicFactory } from 'ulid';

const nextUlid = monotonicFactory();

/** A new id for a job, run or event: 26 characters, sorting in order of creation within one process. */
export function newId(): string {
  return nextUlid();
}
