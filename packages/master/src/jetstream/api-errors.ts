import { JetStreamApiError } from '@nats-io/jetstream';

/** What JetStream says of a write whose expected sequence is not the last: of a stream, and where it does not know that. */
const WRONG_LAST_SEQUENCE: readonly number[] = [10_071, 10_164];
/** No such consumer, no such stream. */
const NOT_FOUND: readonly number[] = [10_014, 10_059];

/** True for the error of a compare-and-set that came second: somebody else has written there. */
export function isWrittenByAnother(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.includes(error.code);
}

/** True where there is no stream or consumer of that name. */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && NOT_FOUND.includes(error.code);
}
