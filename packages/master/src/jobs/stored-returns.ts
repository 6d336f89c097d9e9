import { SUBJECTS } from '@edge-run/shared/protocol';

/** How the stream of returns is asked what it holds. */
export interface StoredReturnsSource {
  /** True when the stream holds a message of this subject. */
  has(subject: string): Promise<boolean>;
  /** The subjects of all returns of a job that the stream holds. */
  subjectsOf(jid: string): Promise<ReadonlySet<string>>;
}

interface Asked {
  /** How often the stream was asked for one return of the job. */
  singly: number;
  /** What the stream held when it was asked for all. */
  known: ReadonlySet<string>;
  reading: Promise<ReadonlySet<string>> | undefined;
}

/** From so many on, all returns of a job are asked for at once: its other targets ask soon. */
const SINGLY_AT_MOST = 3;
const JOBS_REMEMBERED = 256;
const SUBJECTS_REMEMBERED = 100_000;

/**
 * Answers which returns of a minion are stored. Each of thousands of targets asks this after every job: one question
 * after all returns of a job costs the stream less than a few after single ones. A yes is remembered, a no never.
 */
export function storedReturns(
  source: StoredReturnsSource,
): (id: string, jids: readonly string[]) => Promise<readonly string[]> {
  /** In order of their last use. */
  const jobs = new Map<string, Asked>();
  const isStored = async (jid: string, subject: string): Promise<boolean> => {
    const asked = jobs.get(jid) ?? { singly: 0, known: new Set(), reading: undefined };
    jobs.delete(jid);
    jobs.set(jid, asked);
    if (jobs.size > JOBS_REMEMBERED) forgetOldest(jobs);
    if (asked.known.has(subject)) return true;
    if (asked.singly < SINGLY_AT_MOST) {
      asked.singly += 1;
      return source.has(subject);
    }
    asked.reading ??= source.subjectsOf(jid).finally(() => {
      asked.reading = undefined;
      asked.singly = 0;
    });
    asked.known = await asked.reading;
    forgetOldest(jobs);
    return asked.known.has(subject);
  };
  return async (id, jids) => {
    const stored = await Promise.all(jids.map((jid) => isStored(jid, SUBJECTS.returns(jid, id))));
    return jids.filter((_, index) => stored[index]);
  };
}

function forgetOldest(jobs: Map<string, Asked>): void {
  let subjects = 0;
  for (const { known } of jobs.values()) subjects += known.size;
  for (const [jid, { known }] of jobs) {
    if (jobs.size <= JOBS_REMEMBERED && subjects <= SUBJECTS_REMEMBERED) return;
    subjects -= known.size;
    jobs.delete(jid);
  }
}
