import type { JobDetails } from '@edge-run/shared/protocol';
import type { MasterClient } from '../client.ts';

/** A job with all its returns, however many answers they take. `jid` may be a prefix or `@last`. */
export async function askForJob(client: Pick<MasterClient, 'ask'>, jid: string): Promise<JobDetails> {
  let { next, ...job } = await client.ask('jobs.show', { jid });
  const returns = [...job.returns];
  while (next !== undefined) {
    const page = await client.ask('jobs.show', { jid: job.jid, after: next });
    returns.push(...page.returns);
    ({ next, ...job } = page);
  }
  return { ...job, returns };
}
