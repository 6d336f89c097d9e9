import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { globMatches } from '../../target/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type LocalJob, type LocalJobs } from '../contract/index.ts';

const jidArg = z.coerce.string().describe('Id of the job.');

/** What a minion says of the jobs it has in hand, as Salt's `saltutil` does (Salt 3006, modules/saltutil.py). */
export const saltutilJobFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'saltutil.running',
    summary: 'Answer the jobs this minion has in hand, but for the one that asks.',
    args: z.object({}),
    returns: 'A list of {jid, fun, user, started, queued}; `queued` is true while others have to end first.',
    examples: [{ title: 'what is going on', args: {} }],
    run: async (_, { localJobs, host, jid }) => others(localJobs, host.id, jid).map(described),
  }),
  defineRead({
    name: 'saltutil.find_job',
    summary: 'Answer what this minion says of a job it has in hand.',
    args: z.object({ jid: jidArg }),
    returns: '{jid, fun, user, started, queued}; an empty mapping when the job is not in hand.',
    examples: [],
    run: async ({ jid: wanted }, { localJobs, host, jid }) => {
      const found = others(localJobs, host.id, jid).find((job) => job.jid === wanted);
      return found === undefined ? {} : described(found);
    },
  }),
  defineRead({
    name: 'saltutil.is_running',
    summary: 'Answer the jobs in hand whose function matches, but for the one that asks.',
    args: z.object({ fun: z.string().describe('Name of a function, or a glob: `state.*`.') }),
    returns: 'A list as that of saltutil.running.',
    examples: [{ title: 'is a state run going on?', args: { fun: 'state.*' } }],
    run: async ({ fun }, { localJobs, host, jid }) =>
      others(localJobs, host.id, jid)
        .filter((job) => globMatches(fun, job.fun))
        .map(described),
  }),
  ...(['kill_job', 'term_job'] as const).map((name) =>
    defineWrite({
      name: `saltutil.${name}`,
      summary: 'End a job this minion has in hand; it ends as cancelled.',
      args: z.object({ jid: jidArg }),
      returns: 'A sentence; an empty text when the job is not in hand.',
      examples: [],
      run: async ({ jid: wanted }, { localJobs, host, jid }) => {
        const found = others(localJobs, host.id, jid).find((job) => job.jid === wanted);
        if (found === undefined || !jobsOf(localJobs, host.id).end(wanted, `saltutil.${name}`)) return '';
        return `Job ${wanted} (${found.fun}) was told to end.`;
      },
    }),
  ),
];

function jobsOf(jobs: LocalJobs | undefined, id: string): LocalJobs {
  if (jobs !== undefined) return jobs;
  throw new EdgeError(
    'EDGE_NOT_SUPPORTED',
    `${id} takes no jobs itself`,
    { id },
    { hint: 'Only minions do. Ask the master for jobs of other hosts: edge-run jobs ls.' },
  );
}

function others(jobs: LocalJobs | undefined, id: string, own: string | undefined): readonly LocalJob[] {
  return jobsOf(jobs, id)
    .running()
    .filter(({ jid }) => jid !== own);
}

function described({ jid, fun, by, startedAt, queued }: LocalJob): Record<string, unknown> {
  return { jid, fun, user: by, started: new Date(startedAt).toISOString(), queued: queued === true };
}
