import { type Clock, EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { JetStreamApiError } from '@nats-io/jetstream';

const PATIENCE_MS = 20_000;
const PAUSE_MS = 250;
/** From here on a status is the server's own trouble; below it, what was asked is wrong. */
const SERVER_TROUBLE = 500;

/**
 * Does what a master needs of JetStream before it can begin, again for 20 s: just after a start or an election JetStream
 * says that it is not there, and on a busy disk a new stream takes longer than a request waits. What the server refuses
 * for good is not asked twice. `work` may be done any number of times.
 *
 * @param what names it in the error, as in `the journal`
 * @throws EdgeError `EDGE_BROKER_NOT_READY`
 */
export async function onceReady<T>(clock: Clock, what: string, work: () => Promise<T>): Promise<T> {
  const giveUpAt = clock.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EdgeError) throw error;
      const isRefused = error instanceof JetStreamApiError && error.status < SERVER_TROUBLE;
      if (isRefused || clock.now() > giveUpAt) throw notReady(what, isRefused, error);
      await clock.sleep(PAUSE_MS);
    }
  }
}

function notReady(what: string, isRefused: boolean, error: unknown): EdgeError {
  const failed = isRefused
    ? `nats-server refuses ${what}`
    : `nats-server did not open ${what} for ${PATIENCE_MS / 1000} s`;
  return new EdgeError(
    'EDGE_BROKER_NOT_READY',
    `${failed}: ${errorMessage(error)}`,
    { what },
    {
      cause: error,
      hint: "A server of your own needs JetStream ('jetstream {}' in its configuration, or nats-server -js), room on its disk, and an account that may use it.",
    },
  );
}
