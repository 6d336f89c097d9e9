import { JetStreamApiError } from '@nats-io/jetstream';

/** What JetStream says of a write whose expected sequence is not the last: of a stream, and where it does not know that. */
const WRONG_LAST_SEQUENCE: readonly number[] = [10_071, 10_164];

/** True for the error of a compare-and-set that came second: somebody else has written there. */
export function isWrittenByAnother(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(error.code);
}
