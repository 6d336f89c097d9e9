import type { Bus } from '@edge-run/shared/bus';
import { EdgeError } from '@edge-run/shared/kernel';
import { jobReceipt, type RunningJob, SUBJECTS } from '@edge-run/shared/protocol';

/** A job that hosts have in hand now. */
export interface ActiveJob {
  readonly jid: string;
  readonly fun: string;
  readonly by: string;
  readonly running: readonly string[];
  /** Hosts on which it waits for others to end. */
  readonly queued: readonly string[];
}

const ASK_WITHIN_MS = 2_000;
const ASKED_AT_A_TIME = 200;

/** Asks hosts what they are doing; those that do not answer are left out. Newest jobs first. */
export async function activeJobs(bus: Bus, ids: readonly string[]): Promise<readonly ActiveJob[]> {
  const jobs = new Map<string, { fun: string; by: string; running: string[]; queued: string[] }>();
  for (let from = 0; from < ids.length; from += ASKED_AT_A_TIME) {
    const asked = ids.slice(from, from + ASKED_AT_A_TIME);
    const answers = await Promise.all(asked.map(async (id) => [id, await jobsOf(bus, id)] as const));
    for (const [id, { jid, fun, by, queued }] of answers.flatMap(([id, list]) =>
      list.map((job) => [id, job] as const),
    )) {
      const job = jobs.get(jid) ?? { fun, by, running: [], queued: [] };
      jobs.set(jid, job);
      (queued === true ? job.queued : job.running).push(id);
    }
  }
  return [...jobs].map(([jid, job]) => ({ jid, ...job })).sort((a, b) => (a.jid < b.jid ? 1 : -1));
}

async function jobsOf(bus: Bus, id: string): Promise<readonly RunningJob[]> {
  try {
    const receipt = jobReceipt.safeParse(
      await bus.request(SUBJECTS.job(id), { kind: 'find' }, { timeoutMs: ASK_WITHIN_MS }),
    );
    return receipt.success && receipt.data.state === 'alive' ? receipt.data.running : [];
  } catch (error) {
    if (error instanceof EdgeError) return [];
    throw error;
  }
}
