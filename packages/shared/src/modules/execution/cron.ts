import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import {
  type CronEdit,
  type CronJob,
  type CronTimes,
  type Crontab,
  formatCrontab,
  loadCrontab,
  parseCrontab,
  readCrontab,
  removeEnv,
  removeJob,
  runsAt,
  setEnv,
  setJob,
  TIME_FIELDS,
  writeCrontab,
} from '../providers/cron/index.ts';
import {
  cmdArg,
  commentArg,
  envNameArg,
  envValueArg,
  identifierArg,
  orNone,
  specialArg,
  timeArgs,
  userArg,
} from './cron-arguments.ts';

const optionalTimes = Object.fromEntries(TIME_FIELDS.map((field) => [field, orNone(timeArgs[field])])) as Record<
  keyof CronTimes,
  z.ZodOptional<z.ZodNullable<(typeof timeArgs)['minute']>>
>;
const more = {
  commented: z.boolean().default(false).describe('Write the job switched off.'),
  comment: orNone(commentArg),
  identifier: orNone(identifierArg),
};
const fileArgs = z.object({ user: userArg, path: z.string().describe('File on the host with the new crontab.') });

/** Crontabs of users, as `crontab` keeps them. Outcomes are Salt's words: new, updated, present, removed, absent. */
export const cronFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'cron.raw_cron',
    summary: 'Answer the text of a crontab.',
    args: z.object({ user: userArg }),
    returns: 'The text; empty when there is none.',
    examples: [],
    run: ({ user }, { host }) => readCrontab(host, user),
  }),
  ...(['list_tab', 'ls'] as const).map((verb) =>
    defineRead({
      name: `cron.${verb}`,
      summary: 'Answer the managed jobs and variables of a crontab.',
      args: z.object({ user: userArg }),
      returns: 'A mapping: `pre` (lines above the managed part), `crons`, `special`, `env`.',
      examples: [],
      run: async ({ user }, ctx) => listed(await tabOf(ctx, user)),
    }),
  ),
  defineRead({
    name: 'cron.get_entry',
    summary: 'Answer one job of a crontab, by its identifier or else by its command.',
    args: z.object({ user: userArg, identifier: orNone(identifierArg), cmd: orNone(cmdArg) }),
    returns: 'The job as `cron.list_tab` shows it; false when there is none.',
    examples: [],
    async run({ user, identifier, cmd }, ctx) {
      const { crons, special } = listed(await tabOf(ctx, user));
      const found = [...crons, ...special].find((job) =>
        typeof identifier === 'string' ? job.identifier === identifier : job.cmd === cmd,
      );
      return found ?? false;
    },
  }),
  defineWrite({
    name: 'cron.set_job',
    summary: 'Set a job that runs at given times.',
    args: z.object({ user: userArg, ...timeArgs, cmd: cmdArg, ...more }),
    returns: '`new`, `updated` or `present`.',
    examples: [
      {
        title: 'every night',
        args: {
          ...{ user: 'root', minute: 5, hour: 2, daymonth: '*', month: '*', dayweek: '*' },
          ...{ cmd: '/usr/local/bin/backup', identifier: 'backup' },
        },
      },
    ],
    run: ({ user, cmd, commented, comment, identifier, ...times }, ctx) =>
      edited(ctx, user, (tab) =>
        setJob(tab, {
          ...{ schedule: { kind: 'times', times }, cmd, commented, seed: `${ctx.host.id} ${user}` },
          ...{ comment: comment ?? undefined, identifier: identifier ?? undefined },
        }),
      ),
  }),
  defineWrite({
    name: 'cron.set_special',
    summary: 'Set a job that runs at one of the words of cron, such as @daily.',
    args: z.object({ user: userArg, special: specialArg.describe('When: @reboot, @daily, …'), cmd: cmdArg, ...more }),
    returns: '`new`, `updated` or `present`.',
    examples: [],
    run: ({ user, cmd, special, commented, comment, identifier }, ctx) =>
      edited(ctx, user, (tab) =>
        setJob(tab, {
          ...{ schedule: { kind: 'special', spec: special }, cmd, commented, seed: '' },
          ...{ comment: comment ?? undefined, identifier: identifier ?? undefined },
        }),
      ),
  }),
  ...(['rm_job', 'rm'] as const).map((verb) =>
    defineWrite({
      name: `cron.${verb}`,
      summary: 'Remove a job; where times are given, only one that runs at them.',
      args: z.object({ user: userArg, cmd: cmdArg, ...optionalTimes, identifier: orNone(identifierArg) }),
      returns: '`removed` or `absent`.',
      examples: [],
      run: ({ user, cmd, identifier, ...times }, ctx) => {
        const wanted = Object.fromEntries(Object.entries(times).filter(([, value]) => typeof value === 'string'));
        const isAny = Object.keys(wanted).length === 0;
        const key = { kind: 'times', cmd, identifier: identifier ?? undefined } as const;
        return edited(ctx, user, (tab) => removeJob(tab, key, (job) => isAny || runsAt(job, wanted)));
      },
    }),
  ),
  defineWrite({
    name: 'cron.rm_special',
    summary: 'Remove a job that runs at one of the words of cron.',
    args: z.object({
      user: userArg,
      cmd: cmdArg,
      special: specialArg.nullish().describe('Only when it runs at this word.'),
      identifier: orNone(identifierArg),
    }),
    returns: '`removed` or `absent`.',
    examples: [],
    run: ({ user, cmd, special, identifier }, ctx) =>
      edited(ctx, user, (tab) =>
        removeJob(
          tab,
          { kind: 'special', cmd, identifier: identifier ?? undefined },
          ({ schedule }) => typeof special !== 'string' || (schedule.kind === 'special' && schedule.spec === special),
        ),
      ),
  }),
  defineWrite({
    name: 'cron.set_env',
    summary: 'Set a variable for the jobs of a crontab.',
    args: z.object({ user: userArg, name: envNameArg, value: envValueArg }),
    returns: '`new`, `updated` or `present`.',
    examples: [{ title: 'who gets the output', args: { user: 'root', name: 'MAILTO', value: 'ops@example.com' } }],
    run: ({ user, name, value }, ctx) => edited(ctx, user, (tab) => setEnv(tab, name, value)),
  }),
  defineWrite({
    name: 'cron.rm_env',
    summary: 'Remove a variable from a crontab.',
    args: z.object({ user: userArg, name: envNameArg }),
    returns: '`removed` or `absent`.',
    examples: [],
    run: ({ user, name }, ctx) => edited(ctx, user, (tab) => removeEnv(tab, name)),
  }),
  defineWrite({
    name: 'cron.write_cron_file',
    summary: 'Replace a crontab by a file of the host.',
    args: fileArgs,
    returns: 'True; false when crontab refused it.',
    failed: (answer) => answer === false,
    examples: [],
    run: async ({ user, path }, { host }) => (await loadCrontab(host, user, path)).exitCode === 0,
  }),
  defineWrite({
    name: 'cron.write_cron_file_verbose',
    summary: 'Replace a crontab by a file of the host, and answer what crontab said.',
    args: fileArgs,
    returns: 'A mapping of retcode, stdout and stderr.',
    failed: (answer) => (answer as { readonly retcode: number }).retcode !== 0,
    examples: [],
    async run({ user, path }, { host }) {
      const { exitCode, stdout, stderr } = await loadCrontab(host, user, path);
      return { retcode: exitCode, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
    },
  }),
];

async function tabOf({ host }: ModuleContext, user: string): Promise<Crontab> {
  return parseCrontab(await readCrontab(host, user));
}

async function edited(ctx: ModuleContext<Host>, user: string, edit: (tab: Crontab) => CronEdit): Promise<string> {
  const before = await tabOf(ctx, user);
  const { outcome, tab } = edit(before);
  if (tab !== before) await writeCrontab(ctx.host, user, formatCrontab(tab));
  return outcome;
}

/** A job as `cron.list_tab` of Salt shows it. */
interface ListedJob extends Partial<CronTimes> {
  readonly spec?: string;
  readonly cmd: string;
  readonly identifier: string | null;
  readonly comment: string | null;
  readonly commented: boolean;
}

function listed({ pre, entries }: Crontab): {
  readonly pre: readonly string[];
  readonly crons: readonly ListedJob[];
  readonly special: readonly ListedJob[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
} {
  const jobs = entries.flatMap((entry) => (entry.kind === 'job' ? [entry.job] : []));
  const show = ({ schedule, cmd, identifier, comment, commented }: CronJob): ListedJob => ({
    ...(schedule.kind === 'times' ? schedule.times : { spec: schedule.spec }),
    ...{ cmd, identifier: identifier ?? null, comment: comment ?? null, commented },
  });
  return {
    pre,
    crons: jobs.filter(({ schedule }) => schedule.kind === 'times').map(show),
    special: jobs.filter(({ schedule }) => schedule.kind === 'special').map(show),
    env: entries.flatMap((entry) => (entry.kind === 'env' ? [{ name: entry.name, value: entry.value }] : [])),
  };
}
