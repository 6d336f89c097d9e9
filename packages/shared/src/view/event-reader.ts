import type { EdgeEvent, JobEnd, JobReturnEvent, RunJournalEvent, StepProgress } from '../protocol/index.ts';
import type { JobEvent } from './job-view.ts';

/** What an event says about a run: `run/<run id>/<type>`; undefined for other tags. */
export function runEventOf(event: EdgeEvent): RunJournalEvent | StepProgress | undefined {
  return /^run\/[^/]+\/[^/]+$/.test(event.tag) ? (event.data as unknown as RunJournalEvent | StepProgress) : undefined;
}

/** What an event says about a job: `salt/job/<jid>/ret/<id>` or `salt/job/<jid>/end`; undefined for other tags. */
export function jobEventOf(event: EdgeEvent): JobEvent | undefined {
  const [salt, job, jid, kind] = event.tag.split('/');
  if (salt !== 'salt' || job !== 'job' || jid === undefined) return undefined;
  if (kind === 'ret') {
    const { return: ret, ...answer } = event.data as unknown as JobReturnEvent;
    return { type: 'return', jid, answer: ret === undefined ? answer : { ...answer, ret } };
  }
  if (kind === 'end') {
    const { targets, stopped } = event.data as unknown as JobEnd;
    return { type: 'end', jid, at: event.at, targets, stopped };
  }
  return undefined;
}
