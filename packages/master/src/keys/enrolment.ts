import type { Bus, NatsBus } from '@edge-run/shared/bus';
import { EdgeError, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { SUBJECTS } from '@edge-run/shared/protocol';
import type { Keyring } from './keyring.ts';

/** Answers those who knock, until `signal` aborts. Several masters of one keyring directory share the knocks. */
export async function serveEnrolment(options: {
  readonly bus: Bus;
  readonly keyring: Pick<Keyring, 'onKnock'>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}): Promise<void> {
  const { bus, keyring, signal, log } = options;
  for await (const { subject, body } of bus.subscribe(SUBJECTS.knocks, { signal, queue: 'enrolment' })) {
    const publicKey = subject.split('.').at(-1)!;
    try {
      const answer = await keyring.onKnock(publicKey, body);
      if (answer !== undefined) await bus.publish(SUBJECTS.ack(publicKey), answer);
    } catch (error) {
      log.error(`could not judge a knock: ${errorMessage(error)}`, { publicKey });
    }
  }
}

/** Brings a new account JWT to every server of the cluster; the bus is one of the system account. */
export async function pushAccount({ connection }: NatsBus, jwt: string): Promise<void> {
  const answer = (await connection.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: 5_000 })).json<ClaimsAnswer>();
  if (answer.error !== undefined) {
    throw new EdgeError('EDGE_BROKER_FAILED', `the server refused the account: ${answer.error.description}`, {
      description: answer.error.description,
    });
  }
}

interface ClaimsAnswer {
  readonly error?: { readonly description: string };
}
