import { monotonicFactory } from 'ulid';

/** Random bytes not used so far: asking for each by itself costs more than all else in an id. */
const pool = new Uint8Array(256);
let used = pool.length;

function random(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += 1;
  return pool[used - 1]! / 256;
}

const nextUlid = monotonicFactory(random);

/** A new id for a job, run or event: 26 characters, sorting in order of creation within one process. */
export function newId(): string {
  return nextUlid();
}
