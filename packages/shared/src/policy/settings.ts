import { z } from 'zod';
import { SHELL_CONSTRUCTS } from './shell-script.ts';

const globs = (what: string) => z.array(z.string().min(1)).min(1).optional().describe(what);

/** One rule of a command policy. */
export const commandRule = z
  .strictObject({
    name: z.string().min(1).describe('What messages call the rule.'),
    environments: globs('Pillar environments of the hosts it is for, as globs; all when absent.'),
    spaces: globs('Spaces of the hosts it is for (their grain `space`), as globs; all when absent.'),
    hosts: globs('Ids of the hosts it is for, as globs; all when absent.'),
    allow: globs('Commands that may be run: words that must begin them, each a glob.'),
    deny: globs('Commands that may not be run, whatever other rules allow.'),
    paths: globs('Where arguments of allowed commands may lead, after `..` is taken out: `/opt/app/**`.'),
    without: globs('Arguments that allowed commands may not have, as globs.'),
    shell: z
      .array(z.enum(SHELL_CONSTRUCTS))
      .default([])
      .describe('What lines with allowed commands may be made of besides the commands: `|`, `&&`, `$()`, …'),
  })
  .refine(({ allow, deny }) => (allow === undefined) !== (deny === undefined), {
    message: 'a rule has either `allow` or `deny`',
  })
  .refine(({ deny, paths, without, shell }) => deny === undefined || (!paths && !without && shell.length === 0), {
    message: '`paths`, `without` and `shell` are for rules that allow',
  });

/** One rule of a command policy, read. */
export type CommandRule = z.output<typeof commandRule>;

/** The setting `command_policy`. */
export const commandPolicySettings = z
  .union([
    z.literal('off'),
    z.strictObject({
      minions: z.boolean().default(false).describe('Judge the commands of jobs for minions too.'),
      otherwise: z
        .enum(['allow', 'deny'])
        .default('deny')
        .describe('What becomes of a command that no rule speaks of.'),
      rules: z.array(commandRule).default([]).describe('The rules; one that denies wins.'),
    }),
  ])
  .prefault({ otherwise: 'allow' })
  .describe(
    'Which commands `cmd` functions and states may run on hosts reached over SSH. When absent, only those are refused ' +
      'that would end a host, which no rule can allow; `off` judges nothing.',
  );

/** The setting `command_policy`, read. */
export type CommandPolicySettings = z.output<typeof commandPolicySettings>;
