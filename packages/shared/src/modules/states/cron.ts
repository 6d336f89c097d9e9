import { z } from 'zod';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import {
  cmdArg,
  commentArg,
  envNameArg,
  envValueArg,
  identifierArg,
  orAny,
  orNone,
  specialArg,
  timeArgs,
  userArg,
} from '../execution/cron-arguments.ts';
import {
  type CronEdit,
  type CronSchedule,
  type Crontab,
  formatCrontab,
  parseCrontab,
  readCrontab,
  removeEnv,
  removeJob,
  setEnv,
  setJob,
  writeCrontab,
} from '../providers/cron/index.ts';
import { endedText, unifiedDiff } from '../text/index.ts';
import { fetchSource } from './file-content.ts';
import { templateArgs, templateVariables } from './file-managed.ts';

const whose = userArg.default('root').describe('Whose crontab.');
const idArg = z
  .union([z.literal(false), z.null(), identifierArg])
  .default(false)
  .describe('Name that stays when the command changes; the command itself where it is false or absent.');
const times = {
  minute: orAny(timeArgs.minute),
  hour: orAny(timeArgs.hour),
  daymonth: orAny(timeArgs.daymonth),
  month: orAny(timeArgs.month),
  dayweek: orAny(timeArgs.dayweek),
};

/** Jobs and variables of crontabs as they should be. */
export const cronStates: readonly StateModule[] = [
  defineState({
    name: 'cron.present',
    summary: 'Ensure a job is in a crontab.',
    effect: 'repair',
    needs: ['crontab'],
    args: z.object({
      name: cmdArg,
      user: whose,
      ...times,
      comment: orNone(commentArg),
      commented: z.boolean().default(false).describe('Have the job switched off.'),
      identifier: idArg,
      special: specialArg.nullish().describe('A word of cron instead of times: @reboot, @daily, …'),
    }),
    examples: [
      {
        title: 'every night, recognised when the command changes',
        args: { name: '/usr/local/bin/backup --all', identifier: 'backup', minute: 5, hour: 2 },
      },
      { title: 'at one of the words of cron', args: { name: '/usr/local/bin/report', special: '@weekly' } },
    ],
    check({ name, user, comment, commented, identifier, special, ...fields }, ctx) {
      const id = identifier === false ? name : (identifier ?? undefined);
      const { minute, hour, daymonth, month, dayweek } = fields;
      const schedule: CronSchedule =
        typeof special === 'string'
          ? { kind: 'special', spec: special }
          : { kind: 'times', times: { minute, hour, daymonth, month, dayweek } };
      const other = schedule.kind === 'special' ? 'times' : 'special';
      const seed = `${ctx.host.id} ${user}`;
      const edit = (tab: Crontab): CronEdit => {
        const rid = removeJob(tab, { kind: other, cmd: name, identifier: id });
        const set = setJob(rid.tab, {
          ...{ schedule, cmd: name, identifier: id, commented, seed },
          comment: comment ?? undefined,
        });
        return { ...set, outcome: rid.outcome === 'removed' ? 'updated' : set.outcome };
      };
      const said = {
        present: `Cron ${name} already present`,
        new: `Cron ${name} added to ${user}'s crontab`,
        updated: `Cron ${name} updated`,
      };
      return verdict(ctx, user, name, edit, said);
    },
  }),
  defineState({
    name: 'cron.absent',
    summary: 'Ensure a job is not in a crontab.',
    effect: 'repair',
    needs: ['crontab'],
    args: z.object({
      name: cmdArg,
      user: whose,
      identifier: idArg,
      special: specialArg.nullish().describe('The job runs at this word of cron, not at times.'),
      ...Object.fromEntries(
        Object.entries({ ...timeArgs, comment: commentArg, commented: z.boolean() }).map(([key, schema]) => [
          key,
          schema.nullish().describe('Accepted for Salt trees; a job is known by command or identifier.'),
        ]),
      ),
    }),
    examples: [{ title: 'by its identifier', args: { name: '/usr/local/bin/backup', identifier: 'backup' } }],
    check({ name, user, identifier, special }, ctx) {
      const id = identifier === false ? name : (identifier ?? undefined);
      const key = { kind: typeof special === 'string' ? 'special' : 'times', cmd: name, identifier: id } as const;
      const edit = (tab: Crontab): CronEdit =>
        removeJob(
          tab,
          key,
          ({ schedule }) => typeof special !== 'string' || (schedule.kind === 'special' && schedule.spec === special),
        );
      const said = { absent: `Cron ${name} already absent`, removed: `Cron ${name} removed from ${user}'s crontab` };
      return verdict(ctx, user, name, edit, said);
    },
  }),
  defineState({
    name: 'cron.env_present',
    summary: 'Ensure a variable has a value for the jobs of a crontab.',
    effect: 'repair',
    needs: ['crontab'],
    args: z.object({ name: envNameArg, value: envValueArg, user: whose }),
    examples: [{ title: 'who gets the output', args: { name: 'MAILTO', value: 'ops@example.com' } }],
    check: ({ name, value, user }, ctx) =>
      verdict(ctx, user, name, (tab) => setEnv(tab, name, value), {
        present: `Cron env ${name} already present`,
        new: `Cron env ${name} added to ${user}'s crontab`,
        updated: `Cron env ${name} updated`,
      }),
  }),
  defineState({
    name: 'cron.env_absent',
    summary: 'Ensure a variable is not set in a crontab.',
    effect: 'repair',
    needs: ['crontab'],
    args: z.object({ name: envNameArg, user: whose }),
    examples: [],
    check: ({ name, user }, ctx) =>
      verdict(ctx, user, name, (tab) => removeEnv(tab, name), {
        absent: `Cron env ${name} already absent`,
        removed: `Cron env ${name} removed from ${user}'s crontab`,
      }),
  }),
  defineState({
    name: 'cron.file',
    summary: 'Ensure a crontab is a given file, as a whole.',
    effect: 'repair',
    needs: ['crontab'],
    args: z.object({
      name: z
        .union([z.string(), z.array(z.string())])
        .transform((name) => (typeof name === 'string' ? [name] : name))
        .describe('`salt://` path, path on the host or http address; a list: the first that exists.'),
      source_hash: z
        .string()
        .optional()
        .transform((hash) => hash || undefined)
        .describe('Digest the source must have: sha256=<hex>.'),
      source_hash_name: z.string().nullish().describe('Accepted for Salt trees; source_hash is the digest itself.'),
      user: whose,
      ...templateArgs,
      replace: z.boolean().default(true).describe('False leaves a crontab that is not empty alone.'),
      backup: z
        .union([z.string(), z.boolean()])
        .optional()
        .describe('Accepted for Salt trees; the diff is in the return.'),
    }),
    examples: [{ title: 'from the file roots', args: { name: 'salt://app/crontab', user: 'app' } }],
    async check(args, ctx) {
      const { user } = args;
      const before = await readCrontab(ctx.host, user);
      if (!args.replace && before.trim() !== '') return inSync(`User ${user} already has a crontab. No changes made`);
      const found = await fetchSource(ctx, {
        ...{ sources: args.name, sourceHash: args.source_hash, skipVerify: false, template: args.template },
        variables: templateVariables(args),
      });
      const after = endedText(Buffer.from(found.bytes).toString('utf8'));
      if (after === before) return inSync(`Crontab for user ${user} is in the correct state`);
      return changesOf(
        writing({ what: `crontab of ${user}: content`, user, before, after, sealed: found.sealed === true }),
      );
    },
  }),
];

/** What an edit of a crontab would do; `said` is Salt's comment for each outcome. */
async function verdict(
  ctx: ModuleContext,
  user: string,
  name: string,
  edit: (tab: Crontab) => CronEdit,
  said: Partial<Record<CronEdit['outcome'], string>>,
): Promise<Verdict> {
  const before = await readCrontab(ctx.host, user);
  const parsed = parseCrontab(before);
  const { outcome, tab } = edit(parsed);
  const comment = said[outcome]!;
  if (tab === parsed) return inSync(comment);
  const change = writing({ what: comment, user, before, after: formatCrontab(tab), sealed: false });
  return changesOf({
    ...change,
    changes: { [user]: name },
    async apply(writer) {
      // Read again: an earlier change of this run may have been to the same crontab.
      const now = parseCrontab(await readCrontab(writer.host, user));
      await writeCrontab(writer.host, user, formatCrontab(edit(now).tab));
      return undefined;
    },
  });
}

function writing({
  what,
  user,
  before,
  after,
  sealed,
}: {
  what: string;
  user: string;
  before: string;
  after: string;
  sealed: boolean;
}): Change {
  const diff = unifiedDiff(before, after);
  return {
    what,
    before: sealed ? null : before,
    after: sealed ? null : after,
    changes: { diff: sealed ? '[secret]' : diff },
    ...(sealed ? { sealed } : { diff }),
    async apply({ host }) {
      await writeCrontab(host, user, after);
      return undefined;
    },
  };
}
